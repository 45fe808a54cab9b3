resource "aws_db_subnet_group" "g" {
  name       = "g"
  subnet_ids = aws_subnet.priv[*].id
}

resource "aws_rds_cluster_parameter_group" "p" {
  name   = "cpg"
  family = "aurora-postgresql15"
  parameter {
    name  = "log_statement"
    value = var.changed ? "all" : "ddl"
  }
  parameter {
    name         = "rds.force_ssl"
    value        = "1"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_parameter_group" "p" {
  name   = "ipg"
  family = "aurora-postgresql15"
  parameter {
    name  = "log_min_duration_statement"
    value = var.changed ? "600" : "500"
  }
}

data "aws_rds_engine_version" "e" {
  engine  = "aurora-postgresql"
  version = "15"
  latest  = true
}

resource "aws_rds_cluster" "c" {
  cluster_identifier              = "c"
  engine                          = "aurora-postgresql"
  engine_version                  = data.aws_rds_engine_version.e.version_actual
  engine_mode                     = "provisioned"
  database_name                   = "app"
  master_username                 = "boss"
  master_password                 = var.changed ? "secretsecret2" : "secretsecret1"
  db_subnet_group_name            = aws_db_subnet_group.g.name
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.p.name
  vpc_security_group_ids          = [aws_security_group.db.id]
  serverlessv2_scaling_configuration {
    min_capacity             = 0
    max_capacity             = var.changed ? 8 : 4
    seconds_until_auto_pause = var.changed ? 600 : 300
  }
  storage_encrypted                   = true
  backup_retention_period             = var.changed ? 5 : 3
  deletion_protection                 = false
  preferred_maintenance_window        = "sun:04:00-sun:04:30"
  copy_tags_to_snapshot               = true
  enabled_cloudwatch_logs_exports     = ["postgresql"]
  enable_http_endpoint                = false
  skip_final_snapshot                 = false
  final_snapshot_identifier           = "c-final"
  iam_database_authentication_enabled = true
  apply_immediately                   = true
}

resource "aws_rds_cluster_instance" "i" {
  count                        = 2
  identifier                   = "c-${count.index}"
  cluster_identifier           = aws_rds_cluster.c.id
  instance_class               = "db.serverless"
  engine                       = aws_rds_cluster.c.engine
  engine_version               = aws_rds_cluster.c.engine_version
  db_parameter_group_name      = aws_db_parameter_group.p.name
  performance_insights_enabled = true
  promotion_tier               = count.index + 2
  monitoring_interval          = 0
}

resource "aws_rds_cluster_endpoint" "e" {
  cluster_identifier          = aws_rds_cluster.c.id
  cluster_endpoint_identifier = "ce"
  custom_endpoint_type        = "ANY"
  static_members              = [aws_rds_cluster_instance.i[var.changed ? 1 : 0].id]
}

resource "aws_db_cluster_snapshot" "s" {
  db_cluster_identifier          = aws_rds_cluster.c.id
  db_cluster_snapshot_identifier = "snap"
  depends_on                     = [aws_rds_cluster_instance.i]
}

resource "aws_rds_cluster" "managed" {
  cluster_identifier_prefix   = "man-"
  engine                      = "aurora-postgresql"
  engine_mode                 = "provisioned"
  master_username             = "boss"
  manage_master_user_password = true
  db_subnet_group_name        = aws_db_subnet_group.g.name
  skip_final_snapshot         = true
}

resource "aws_secretsmanager_secret" "s" {
  name                    = "app/db"
  description             = var.changed ? "dd" : "d"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "v" {
  secret_id     = aws_secretsmanager_secret.s.id
  secret_string = jsonencode({ username = "boss", password = var.changed ? "secretsecret2" : "secretsecret1" })
}

resource "aws_secretsmanager_secret_policy" "p" {
  secret_arn = aws_secretsmanager_secret.s.arn
  policy     = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "a", Effect = "Allow", Principal = { AWS = aws_iam_role.proxy.arn }, Action = "secretsmanager:GetSecretValue", Resource = "*" }] })
}

data "aws_secretsmanager_secret" "s" { name = aws_secretsmanager_secret.s.name }

data "aws_secretsmanager_secret_version" "s" { secret_id = aws_secretsmanager_secret_version.v.secret_id }

data "aws_secretsmanager_random_password" "p" { password_length = 30 }

resource "aws_db_proxy" "p" {
  name                   = "px"
  engine_family          = "POSTGRESQL"
  role_arn               = aws_iam_role.proxy.arn
  vpc_subnet_ids         = aws_subnet.priv[*].id
  vpc_security_group_ids = [aws_security_group.proxy.id]
  require_tls            = true
  idle_client_timeout    = var.changed ? 1200 : 1800
  debug_logging          = var.changed
  auth {
    auth_scheme = "SECRETS"
    iam_auth    = "DISABLED"
    secret_arn  = aws_secretsmanager_secret.s.arn
    description = "x"
  }
}

resource "aws_db_proxy_default_target_group" "d" {
  db_proxy_name = aws_db_proxy.p.name
  connection_pool_config {
    connection_borrow_timeout    = var.changed ? 60 : 90
    max_connections_percent      = 90
    max_idle_connections_percent = 40
    init_query                   = "SET x.y='1'"
    session_pinning_filters      = ["EXCLUDE_VARIABLE_SETS"]
  }
}

resource "aws_db_proxy_target" "t" {
  db_proxy_name         = aws_db_proxy.p.name
  target_group_name     = aws_db_proxy_default_target_group.d.name
  db_cluster_identifier = aws_rds_cluster.c.id
  depends_on            = [aws_rds_cluster_instance.i]
}

resource "aws_db_proxy_endpoint" "ro" {
  db_proxy_name          = aws_db_proxy.p.name
  db_proxy_endpoint_name = "ro"
  vpc_subnet_ids         = aws_subnet.priv[*].id
  target_role            = "READ_ONLY"
}

data "aws_rds_cluster" "c" {
  cluster_identifier = aws_rds_cluster.c.id
  depends_on         = [aws_rds_cluster_instance.i]
}

data "aws_db_proxy" "p" { name = aws_db_proxy.p.name }

data "aws_rds_orderable_db_instance" "o" {
  engine                     = "aurora-postgresql"
  engine_version             = data.aws_rds_engine_version.e.version_actual
  preferred_instance_classes = ["db.serverless", "db.r6g.large"]
}
