resource "aws_vpc" "v" {
  cidr_block                           = "10.0.0.0/16"
  enable_dns_hostnames                 = true
  enable_network_address_usage_metrics = true
  tags                                 = { Name = var.changed ? "w" : "v" }
}

resource "aws_vpc_ipv4_cidr_block_association" "x" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.1.0.0/16"
}

resource "aws_subnet" "pub" {
  count                                       = 2
  vpc_id                                      = aws_vpc.v.id
  cidr_block                                  = cidrsubnet("10.0.0.0/16", 8, count.index)
  availability_zone                           = local.zones[count.index]
  map_public_ip_on_launch                     = false
  private_dns_hostname_type_on_launch         = "resource-name"
  enable_resource_name_dns_a_record_on_launch = var.changed
  tags                                        = { Name = "pub${count.index}" }
}

# Lambda removes its interfaces some time after the function, and by the function's role: that one has to outlive them.
resource "aws_subnet" "priv" {
  depends_on        = [aws_iam_role_policy_attachment.l]
  count             = 2
  vpc_id            = aws_vpc.v.id
  cidr_block        = cidrsubnet("10.0.0.0/16", 8, 10 + count.index)
  availability_zone = local.zones[count.index]
}

resource "aws_internet_gateway" "i" { vpc_id = aws_vpc.v.id }

resource "aws_eip" "e" {
  domain     = "vpc"
  depends_on = [aws_internet_gateway.i]
}

resource "aws_nat_gateway" "n" {
  allocation_id = aws_eip.e.id
  subnet_id     = aws_subnet.pub[0].id
  tags          = { Name = "n" }
}

resource "aws_route_table" "pub" {
  vpc_id = aws_vpc.v.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.i.id
  }
}

resource "aws_route_table" "priv" { vpc_id = aws_vpc.v.id }

resource "aws_route" "priv" {
  route_table_id         = aws_route_table.priv.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.n.id
}

resource "aws_route_table_association" "pub" {
  count          = 2
  subnet_id      = aws_subnet.pub[count.index].id
  route_table_id = aws_route_table.pub.id
}

resource "aws_route_table_association" "priv" {
  count          = 2
  subnet_id      = aws_subnet.priv[count.index].id
  route_table_id = aws_route_table.priv.id
}

resource "aws_default_security_group" "d" { vpc_id = aws_vpc.v.id }

resource "aws_default_network_acl" "d" {
  default_network_acl_id = aws_vpc.v.default_network_acl_id
  ingress {
    protocol   = -1
    rule_no    = 100
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  egress {
    protocol   = -1
    rule_no    = 100
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  lifecycle { ignore_changes = [subnet_ids] }
}

resource "aws_network_acl" "n" {
  vpc_id     = aws_vpc.v.id
  subnet_ids = [aws_subnet.priv[0].id]
  ingress {
    protocol   = "tcp"
    rule_no    = var.changed ? 210 : 200
    action     = "allow"
    cidr_block = "10.0.0.0/8"
    from_port  = 443
    to_port    = 443
  }
  egress {
    protocol   = "-1"
    rule_no    = 200
    action     = "allow"
    cidr_block = "10.0.0.0/8"
    from_port  = 0
    to_port    = 0
  }
}

resource "aws_network_acl_rule" "r" {
  network_acl_id = aws_network_acl.n2.id
  rule_number    = 50
  egress         = false
  protocol       = "icmp"
  rule_action    = "deny"
  cidr_block     = "0.0.0.0/0"
  icmp_type      = -1
  icmp_code      = -1
}

resource "aws_network_acl" "n2" { vpc_id = aws_vpc.v.id }

resource "aws_network_acl_association" "a" {
  network_acl_id = aws_network_acl.n2.id
  subnet_id      = aws_subnet.priv[1].id
}

resource "aws_vpc_dhcp_options" "d" {
  domain_name         = "x.internal"
  domain_name_servers = ["AmazonProvidedDNS"]
  ntp_servers         = ["169.254.169.124"]
}

resource "aws_vpc_dhcp_options_association" "d" {
  vpc_id          = aws_vpc.v.id
  dhcp_options_id = aws_vpc_dhcp_options.d.id
}

resource "aws_security_group" "app" {
  depends_on = [aws_iam_role_policy_attachment.l]
  name       = "app"
  vpc_id     = aws_vpc.v.id
  egress {
    from_port        = 0
    to_port          = 0
    protocol         = "-1"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
  ingress {
    description = "y"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8", "172.16.0.0/12"]
    self        = true
  }
}

resource "aws_security_group" "proxy" {
  name_prefix = "proxy-"
  description = "p"
  vpc_id      = aws_vpc.v.id
}

resource "aws_security_group" "db" {
  name        = "db"
  description = "d"
  vpc_id      = aws_vpc.v.id
  ingress {
    from_port       = 5432
    to_port         = 5432
    protocol        = "tcp"
    security_groups = [aws_security_group.proxy.id]
    prefix_list_ids = [aws_ec2_managed_prefix_list.p.id]
  }
}

resource "aws_security_group_rule" "a" {
  type                     = "ingress"
  security_group_id        = aws_security_group.proxy.id
  source_security_group_id = aws_security_group.app.id
  protocol                 = "tcp"
  from_port                = 5432
  to_port                  = 5432
  description              = var.changed ? "from the application" : "from app"
}

resource "aws_vpc_security_group_egress_rule" "e" {
  security_group_id            = aws_security_group.proxy.id
  referenced_security_group_id = aws_security_group.db.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = { Name = "e" }
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.proxy.id
  cidr_ipv4         = "0.0.0.0/0"
  description       = "all"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "pl" {
  security_group_id = aws_security_group.proxy.id
  prefix_list_id    = aws_ec2_managed_prefix_list.p.id
  ip_protocol       = "udp"
  from_port         = 53
  to_port           = 53
}

resource "aws_ec2_managed_prefix_list" "p" {
  name           = "pl"
  address_family = "IPv4"
  max_entries    = var.changed ? 7 : 5
  entry {
    cidr        = "10.9.0.0/16"
    description = "b"
  }
}

resource "aws_ec2_managed_prefix_list_entry" "e" {
  prefix_list_id = aws_ec2_managed_prefix_list.p2.id
  cidr           = "10.8.0.0/16"
}

resource "aws_ec2_managed_prefix_list" "p2" {
  name           = "pl2"
  address_family = "IPv4"
  max_entries    = 5
}

data "aws_prefix_list" "s3" { name = "com.amazonaws.${local.region}.s3" }

data "aws_ec2_managed_prefix_list" "s3" { name = "com.amazonaws.${local.region}.s3" }

data "aws_vpc_endpoint_service" "sm" {
  service = "secretsmanager"
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.v.id
  service_name    = "com.amazonaws.${local.region}.s3"
  route_table_ids = [aws_route_table.priv.id, aws_route_table.pub.id]
}

resource "aws_vpc_endpoint" "sm" {
  vpc_id              = aws_vpc.v.id
  service_name        = "com.amazonaws.${local.region}.secretsmanager"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = aws_subnet.priv[*].id
  security_group_ids  = [aws_security_group.app.id]
  private_dns_enabled = var.changed
  policy              = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = "*", Action = "secretsmanager:*", Resource = "*" }] })
}

resource "aws_network_interface" "x" {
  subnet_id         = aws_subnet.pub[1].id
  security_groups   = [aws_security_group.app.id]
  private_ips       = ["10.0.1.50", "10.0.1.51"]
  description       = var.changed ? "another" : "one"
  source_dest_check = !var.changed
}

resource "aws_eip" "x" {
  domain            = "vpc"
  network_interface = aws_network_interface.x.id
}

data "aws_vpc" "v" { id = aws_vpc.v.id }

data "aws_subnets" "s" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.v.id]
  }
}

data "aws_security_group" "s" { id = aws_security_group.db.id }

data "aws_route_table" "t" { subnet_id = aws_route_table_association.priv[0].subnet_id }

data "aws_eip" "x" { id = aws_eip.e.id }

data "aws_nat_gateway" "n" { id = aws_nat_gateway.n.id }

data "aws_internet_gateway" "i" {
  filter {
    name   = "attachment.vpc-id"
    values = [aws_vpc.v.id]
  }
  depends_on = [aws_internet_gateway.i]
}

