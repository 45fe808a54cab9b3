data "aws_iam_policy_document" "t" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["rds.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "proxy" {
  name                 = "proxy"
  assume_role_policy   = data.aws_iam_policy_document.t.json
  description          = "d"
  max_session_duration = var.changed ? 7200 : 3600
}

resource "aws_iam_role_policy" "proxy" {
  role   = aws_iam_role.proxy.id
  name   = "p"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = aws_secretsmanager_secret.s.arn }] })
}

resource "aws_iam_policy" "p" {
  name   = "pol"
  path   = "/x/"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["logs:Put*"], Resource = "*" }] })
}

resource "aws_iam_role_policy_attachment" "p" {
  role       = aws_iam_role.task.name
  policy_arn = aws_iam_policy.p.arn
}

resource "aws_iam_role_policy_attachment" "l" {
  role       = aws_iam_role.lambda.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_iam_role" "task" {
  name               = "task"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "tasks.apprunner.amazonaws.com" }, Action = ["sts:AssumeRole"] }] })
}

resource "aws_iam_role" "build" {
  name               = "build"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "build.apprunner.amazonaws.com" }, Action = ["sts:AssumeRole"] }] })
}

resource "aws_iam_role_policy_attachment" "b" {
  role       = aws_iam_role.build.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess"
}

resource "aws_iam_role" "lambda" {
  name_prefix        = "lambda-"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = ["lambda.amazonaws.com"] }, Action = ["sts:AssumeRole"] }] })
}

resource "aws_iam_instance_profile" "ip" {
  name = "ip"
  role = aws_iam_role.ec2.name
}

resource "aws_iam_role" "ec2" {
  name                  = "ec2"
  force_detach_policies = true

  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = ["sts:AssumeRole"] }] })
}

resource "aws_iam_role_policies_exclusive" "x" {
  role_name    = aws_iam_role.proxy.name
  policy_names = [aws_iam_role_policy.proxy.name]
}

data "aws_iam_role" "r" { name = aws_iam_role.proxy.name }

data "aws_iam_policy" "p" { name = "AWSLambdaVPCAccessExecutionRole" }

data "aws_iam_session_context" "c" { arn = data.aws_caller_identity.me.arn }

resource "aws_iam_service_linked_role" "ecs" {
  aws_service_name = "ecs.amazonaws.com"
  description      = var.changed ? "ours" : "of ECS"
}

resource "aws_iam_role_policy" "task" {
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["secretsmanager:GetSecretValue", "ssm:GetParameters"], Resource = "*" }] })
}
