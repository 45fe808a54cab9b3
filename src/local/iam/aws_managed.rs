//! The policies that AWS keeps for everyone: a list of those that people use with this kind of stack, with
//! what they allow.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    aws_services,
    policy::{Policy, Version},
};
use crate::local::pace::Millis;

/// Path and name after `arn:aws:iam::aws:policy`, and the actions that it allows on everything, a space between them.
const POLICIES: &[(&str, &str)] = &[
    ("/AdministratorAccess", "*"),
    (
        "/PowerUserAccess",
        "apprunner:* ec2:* ecr:* ecs:* lambda:* logs:* rds:* s3:* secretsmanager:* ssm:* sts:* xray:* \
         iam:CreateServiceLinkedRole iam:DeleteServiceLinkedRole iam:ListRoles",
    ),
    (
        "/ReadOnlyAccess",
        "apprunner:Describe* apprunner:List* ec2:Describe* ec2:Get* ecr:Describe* ecr:Get* ecr:List* iam:Get* \
         iam:List* logs:Describe* logs:Get* logs:FilterLogEvents rds:Describe* rds:List* secretsmanager:Describe* \
         secretsmanager:GetResourcePolicy secretsmanager:List* ssm:Describe* ssm:Get* ssm:List*",
    ),
    (
        "/SecurityAudit",
        "apprunner:Describe* apprunner:List* ec2:Describe* iam:Get* iam:List* logs:Describe* rds:Describe* \
         secretsmanager:DescribeSecret secretsmanager:ListSecrets ssm:DescribeParameters",
    ),
    (
        "/job-function/ViewOnlyAccess",
        "apprunner:List* ec2:Describe* iam:List* logs:Describe* rds:Describe* secretsmanager:List* \
         ssm:DescribeParameters",
    ),
    ("/job-function/DatabaseAdministrator", "cloudwatch:* ec2:Describe* logs:* rds:* secretsmanager:*"),
    ("/job-function/NetworkAdministrator", "ec2:* logs:*"),
    ("/AWSAppRunnerFullAccess", "apprunner:* iam:CreateServiceLinkedRole iam:PassRole"),
    ("/AWSAppRunnerReadOnlyAccess", "apprunner:List* apprunner:Describe*"),
    (
        "/service-role/AWSAppRunnerServicePolicyForECRAccess",
        "ecr:GetDownloadUrlForLayer ecr:BatchGetImage ecr:DescribeImages ecr:GetAuthorizationToken \
         ecr:BatchCheckLayerAvailability",
    ),
    (
        "/aws-service-role/AppRunnerServiceRolePolicy",
        "logs:CreateLogGroup logs:PutRetentionPolicy logs:CreateLogStream logs:PutLogEvents \
         logs:DescribeLogStreams events:PutRule events:PutTargets events:DeleteRule events:RemoveTargets",
    ),
    (
        "/aws-service-role/AppRunnerNetworkingServiceRolePolicy",
        "ec2:DescribeNetworkInterfaces ec2:DescribeVpcs ec2:DescribeDhcpOptions ec2:DescribeSubnets \
         ec2:DescribeSecurityGroups ec2:CreateNetworkInterface ec2:CreateTags ec2:DeleteNetworkInterface",
    ),
    (
        "/aws-service-role/AmazonRDSServiceRolePolicy",
        "rds:CrossRegionCommunication ec2:*NetworkInterface* ec2:Describe* logs:CreateLogGroup logs:PutLogEvents \
         secretsmanager:GetRandomPassword",
    ),
    (
        "/aws-service-role/AmazonECSServiceRolePolicy",
        "ec2:*NetworkInterface* ec2:Describe* elasticloadbalancing:* logs:*",
    ),
    ("/aws-service-role/AWSElasticLoadBalancingServiceRolePolicy", "ec2:*NetworkInterface* ec2:Describe*"),
    (
        "/aws-service-role/AWSApplicationAutoscalingECSServicePolicy",
        "ecs:DescribeServices ecs:UpdateService cloudwatch:*Alarms",
    ),
    (
        "/aws-service-role/AWSApplicationAutoscalingRDSClusterPolicy",
        "rds:CreateDBInstance rds:DeleteDBInstance rds:Describe* cloudwatch:*Alarms",
    ),
    (
        "/AmazonRDSFullAccess",
        "rds:* cloudwatch:DescribeAlarms ec2:DescribeAvailabilityZones ec2:DescribeSecurityGroups \
         ec2:DescribeSubnets ec2:DescribeVpcs logs:DescribeLogStreams logs:GetLogEvents",
    ),
    (
        "/AmazonRDSReadOnlyAccess",
        "rds:Describe* rds:ListTagsForResource ec2:DescribeSecurityGroups ec2:DescribeVpcs \
         logs:DescribeLogStreams logs:GetLogEvents",
    ),
    (
        "/AmazonRDSDataFullAccess",
        "rds-data:* secretsmanager:CreateSecret secretsmanager:GetSecretValue secretsmanager:ListSecrets \
         secretsmanager:GetRandomPassword",
    ),
    (
        "/service-role/AmazonRDSEnhancedMonitoringRole",
        "logs:CreateLogGroup logs:PutRetentionPolicy logs:CreateLogStream logs:PutLogEvents \
         logs:DescribeLogStreams logs:GetLogEvents",
    ),
    (
        "/service-role/AmazonRDSDirectoryServiceAccess",
        "ds:DescribeDirectories ds:AuthorizeApplication ds:UnauthorizeApplication \
         ds:GetAuthorizedApplicationDetails",
    ),
    (
        "/SecretsManagerReadWrite",
        "secretsmanager:* kms:DescribeKey kms:ListAliases kms:ListKeys lambda:ListFunctions \
         rds:DescribeDBClusters rds:DescribeDBInstances ec2:DescribeSecurityGroups ec2:DescribeSubnets \
         ec2:DescribeVpcs",
    ),
    ("/AmazonSSMFullAccess", "ssm:* ec2:DescribeInstanceStatus logs:*"),
    ("/AmazonSSMReadOnlyAccess", "ssm:Describe* ssm:Get* ssm:List*"),
    (
        "/AmazonSSMManagedInstanceCore",
        "ssm:DescribeAssociation ssm:GetParameter ssm:GetParameters ssm:UpdateInstanceInformation ssmmessages:* \
         ec2messages:*",
    ),
    ("/CloudWatchFullAccess", "cloudwatch:* logs:*"),
    (
        "/CloudWatchReadOnlyAccess",
        "cloudwatch:Describe* cloudwatch:Get* cloudwatch:List* logs:Get* logs:List* logs:Describe* \
         logs:FilterLogEvents",
    ),
    ("/CloudWatchLogsFullAccess", "logs:* cloudwatch:GenerateQuery"),
    (
        "/CloudWatchLogsReadOnlyAccess",
        "logs:Describe* logs:Get* logs:List* logs:StartQuery logs:StopQuery logs:FilterLogEvents",
    ),
    (
        "/CloudWatchAgentServerPolicy",
        "cloudwatch:PutMetricData logs:PutLogEvents logs:CreateLogGroup logs:CreateLogStream \
         logs:DescribeLogStreams logs:PutRetentionPolicy xray:Put*",
    ),
    (
        "/AWSXRayDaemonWriteAccess",
        "xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets \
         xray:GetSamplingStatisticSummaries",
    ),
    (
        "/AWSXrayWriteOnlyAccess",
        "xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets \
         xray:GetSamplingStatisticSummaries",
    ),
    ("/AmazonEC2FullAccess", "ec2:* elasticloadbalancing:* cloudwatch:* autoscaling:*"),
    (
        "/AmazonEC2ReadOnlyAccess",
        "ec2:Describe* elasticloadbalancing:Describe* cloudwatch:Describe* autoscaling:Describe*",
    ),
    ("/AmazonVPCFullAccess", "ec2:*"),
    ("/AmazonVPCReadOnlyAccess", "ec2:Describe* ec2:Get*"),
    ("/AmazonEC2ContainerRegistryFullAccess", "ecr:*"),
    (
        "/AmazonEC2ContainerRegistryPowerUser",
        "ecr:Get* ecr:BatchCheckLayerAvailability ecr:Describe* ecr:List* ecr:BatchGetImage \
         ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage",
    ),
    (
        "/AmazonEC2ContainerRegistryReadOnly",
        "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:Describe* \
         ecr:List* ecr:BatchGetImage",
    ),
    (
        "/AmazonElasticContainerRegistryPublicReadOnly",
        "ecr-public:GetAuthorizationToken ecr-public:BatchCheckLayerAvailability ecr-public:Describe* \
         ecr-public:Get*",
    ),
    ("/AmazonECS_FullAccess", "ecs:* ec2:Describe* elasticloadbalancing:* logs:*"),
    (
        "/service-role/AmazonECSTaskExecutionRolePolicy",
        "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage \
         logs:CreateLogStream logs:PutLogEvents",
    ),
    (
        "/service-role/AmazonECSInfrastructureRoleforExpressGatewayServices",
        "ec2:*SecurityGroup* ec2:Describe* elasticloadbalancing:* application-autoscaling:* acm:* \
         cloudwatch:*Alarms",
    ),
    (
        "/AWSLambda_FullAccess",
        "lambda:* logs:DescribeLogGroups ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs",
    ),
    ("/AWSLambda_ReadOnlyAccess", "lambda:Get* lambda:List* logs:DescribeLogGroups"),
    ("/service-role/AWSLambdaRole", "lambda:InvokeFunction"),
    ("/service-role/AWSLambdaBasicExecutionRole", "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents"),
    (
        "/service-role/AWSLambdaVPCAccessExecutionRole",
        "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents ec2:CreateNetworkInterface \
         ec2:DescribeNetworkInterfaces ec2:DescribeSubnets ec2:DeleteNetworkInterface \
         ec2:AssignPrivateIpAddresses ec2:UnassignPrivateIpAddresses",
    ),
    ("/IAMFullAccess", "iam:* organizations:Describe* organizations:List*"),
    ("/IAMReadOnlyAccess", "iam:Get* iam:List* iam:GenerateCredentialReport iam:Simulate*"),
    ("/AmazonS3FullAccess", "s3:* s3-object-lambda:*"),
    ("/AmazonS3ReadOnlyAccess", "s3:Get* s3:List* s3:Describe*"),
];

/// When these policies came to be, for the answers that tell; one day for all.
const CREATED_AT: Millis = 1_609_459_200_000;

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Policy> {
    let here = POLICIES.iter().map(|(path_and_name, actions)| policy(path_and_name, actions));
    here.chain(aws_services::all().map(|(path_and_name, actions)| policy(&path_and_name, &actions)))
}

/// The one with this ARN.
pub(super) fn by_arn(arn: &str) -> Option<Policy> {
    let path_and_name = arn.strip_prefix("arn:aws:iam::aws:policy")?;
    let here = POLICIES.iter().find(|(known, _)| *known == path_and_name);
    here.map(|(known, actions)| policy(known, actions)).or_else(|| {
        let mut others = aws_services::all();
        others.find(|(known, _)| known == path_and_name).map(|(known, actions)| policy(&known, &actions))
    })
}

fn policy(path_and_name: &str, actions: &str) -> Policy {
    let (path, name) = path_and_name.split_at(path_and_name.rfind('/').map_or(0, |slash| slash + 1));
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions.split_whitespace().collect::<Vec<_>>(), "Resource": "*" }],
    });
    Policy {
        arn: format!("arn:aws:iam::aws:policy{path_and_name}"),
        name: name.to_owned(),
        id: id(name),
        path: path.to_owned(),
        created_at: CREATED_AT,
        updated_at: CREATED_AT,
        versions: BTreeMap::from([(1, Version { document: document.to_string(), created_at: CREATED_AT })]),
        default_version: 1,
        last_version: 1,
        ..Policy::default()
    }
}

/// An id that is always the same for a name.
fn id(name: &str) -> String {
    use sha2::{Digest, Sha256};
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Sha256::digest(name);
    let letters = digest.iter().take(17).map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    format!("ANPA{}", letters.collect::<String>())
}
