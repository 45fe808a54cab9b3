resource "aws_apprunner_observability_configuration" "o" {
  observability_configuration_name = "obs1"
  trace_configuration { vendor = "AWSXRAY" }
}

resource "aws_apprunner_vpc_connector" "c" {
  vpc_connector_name = "conn"
  subnets            = aws_subnet.priv[*].id
  security_groups    = [aws_security_group.app.id]
}

resource "aws_apprunner_connection" "g" {
  connection_name = "ghub"
  provider_type   = "GITHUB"
}

resource "aws_apprunner_service" "s" {
  service_name = "svc-app"
  source_configuration {
    auto_deployments_enabled = false
    authentication_configuration { access_role_arn = aws_iam_role.build.arn }
    image_repository {
      image_identifier      = "${data.aws_caller_identity.me.account_id}.dkr.ecr.${local.region}.amazonaws.com/app:1"
      image_repository_type = "ECR"
      image_configuration {
        port                          = "8080"
        runtime_environment_variables = { A = var.changed ? "2" : "1" }
        runtime_environment_secrets   = { S = aws_secretsmanager_secret.s.arn, P = aws_ssm_parameter.s.arn }
      }
    }
  }
  instance_configuration {
    cpu               = var.changed ? "2048" : "1024"
    memory            = var.changed ? "4096" : "2048"
    instance_role_arn = aws_iam_role.task.arn
  }
  health_check_configuration {
    protocol = "HTTP"
    path     = "/health"
    interval = var.changed ? 12 : 10
  }
  network_configuration {
    egress_configuration {
      egress_type       = "VPC"
      vpc_connector_arn = aws_apprunner_vpc_connector.c.arn
    }
    ingress_configuration { is_publicly_accessible = true }
  }
  auto_scaling_configuration_arn = aws_apprunner_auto_scaling_configuration_version.a.arn
  observability_configuration {
    observability_enabled           = true
    observability_configuration_arn = aws_apprunner_observability_configuration.o.arn
  }
  depends_on = [aws_iam_role_policy.task]
}

resource "aws_apprunner_service" "min" {
  service_name = "svc-min"
  source_configuration {
    auto_deployments_enabled = false
    image_repository {
      image_identifier      = "public.ecr.aws/aws-containers/hello-app-runner:latest"
      image_repository_type = "ECR_PUBLIC"
      image_configuration { port = "8000" }
    }
  }
}

resource "aws_vpc_endpoint" "ar" {
  vpc_id             = aws_vpc.v.id
  service_name       = "com.amazonaws.${local.region}.apprunner.requests"
  vpc_endpoint_type  = "Interface"
  subnet_ids         = aws_subnet.priv[*].id
  security_group_ids = [aws_security_group.app.id]
}

resource "aws_apprunner_vpc_ingress_connection" "v" {
  name        = "ving"
  service_arn = aws_apprunner_service.priv.arn
  ingress_vpc_configuration {
    vpc_id          = aws_vpc.v.id
    vpc_endpoint_id = aws_vpc_endpoint.ar.id
  }
}

resource "aws_apprunner_service" "priv" {
  service_name = "svc-priv"
  source_configuration {
    auto_deployments_enabled = false
    image_repository {
      image_identifier      = "public.ecr.aws/aws-containers/hello-app-runner:latest"
      image_repository_type = "ECR_PUBLIC"
      image_configuration { port = "8080" }
    }
  }
  network_configuration {
    ingress_configuration { is_publicly_accessible = false }
  }
}

resource "aws_ssm_parameter" "s" {
  name        = "/app/s"
  type        = "SecureString"
  value       = var.changed ? "w" : "v"
  description = "d"
}

resource "aws_ssm_parameter" "t" {
  name            = "/app/t"
  type            = "StringList"
  value           = "a,b"
  tier            = "Advanced"
  allowed_pattern = "^[a-z,]+$"
}

data "aws_ssm_parameter" "s" { name = aws_ssm_parameter.s.name }

data "aws_ssm_parameters_by_path" "b" {
  path       = "/app"
  depends_on = [aws_ssm_parameter.t]
}

resource "aws_cloudwatch_log_group" "l" {
  name              = "/app/log"
  retention_in_days = var.changed ? 30 : 14
}

resource "aws_cloudwatch_log_stream" "s" {
  name           = "s"
  log_group_name = aws_cloudwatch_log_group.l.name
}

resource "aws_cloudwatch_log_metric_filter" "m" {
  name           = "m"
  log_group_name = aws_cloudwatch_log_group.l.name
  pattern        = var.changed ? "WARN" : "ERROR"
  metric_transformation {
    name      = "Errors"
    namespace = "App"
    value     = "1"
  }
}

resource "aws_cloudwatch_log_resource_policy" "p" {
  policy_name     = "rp"
  policy_document = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "es.amazonaws.com" }, Action = ["logs:PutLogEvents"], Resource = "*" }] })
}

data "aws_cloudwatch_log_groups" "g" { log_group_name_prefix = "/app" }

resource "aws_lambda_function" "f" {
  function_name    = "f"
  role             = aws_iam_role.lambda.arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  filename         = var.code
  source_code_hash = filebase64sha256(var.code)
  timeout          = var.changed ? 60 : 30
  memory_size      = 256
  environment { variables = var.changed ? { AB = "c", CD = "d" } : { AB = "b" } }
  vpc_config {
    subnet_ids         = aws_subnet.priv[*].id
    security_group_ids = [aws_security_group.app.id]
  }
  depends_on = [aws_iam_role_policy_attachment.l]
}

resource "aws_lambda_function" "g" {
  function_name = "g"
  role          = aws_iam_role.lambda.arn
  runtime       = "provided.al2023"
  handler       = "bootstrap"
  filename      = var.code
  architectures = ["arm64"]
}

resource "aws_lambda_invocation" "i" {
  function_name = aws_lambda_function.g.function_name
  input         = jsonencode({ a = 1 })
}

data "aws_lambda_function" "f" { function_name = aws_lambda_function.f.function_name }

resource "aws_apprunner_auto_scaling_configuration_version" "a" {
  auto_scaling_configuration_name = "scale"
  max_concurrency                 = 50
  min_size                        = 1
  max_size                        = 3
}

resource "aws_apprunner_custom_domain_association" "d" {
  domain_name          = "app.example.com"
  service_arn          = aws_apprunner_service.min.arn
  enable_www_subdomain = false
}
