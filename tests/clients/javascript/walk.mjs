// The AWS SDK for JavaScript: a walk through the services of the stack, as a Node program would make it. The SDK is in the
// `node_modules` that SDK names; the URL of the cloud is the argument.
import { createRequire } from "node:module";
import { join } from "node:path";

const sdk = createRequire(join(process.env.SDK, "package.json"));
const { EC2Client, waitUntilNatGatewayAvailable, paginateDescribeSubnets, ...ec2 } = sdk("@aws-sdk/client-ec2");
const { RDSClient, waitUntilDBClusterAvailable, ...rds } = sdk("@aws-sdk/client-rds");
const { AppRunnerClient, ...apprunner } = sdk("@aws-sdk/client-apprunner");
const { SecretsManagerClient, ...secretsmanager } = sdk("@aws-sdk/client-secrets-manager");
const { IAMClient, ...iam } = sdk("@aws-sdk/client-iam");
const { SSMClient, ...ssm } = sdk("@aws-sdk/client-ssm");
const { STSClient, ...sts } = sdk("@aws-sdk/client-sts");
const { CloudWatchLogsClient, ...logs } = sdk("@aws-sdk/client-cloudwatch-logs");

const ACCOUNT = "111122223333";
const settings = {
  endpoint: process.argv[2],
  region: "eu-central-1",
  credentials: { accessKeyId: ACCOUNT, secretAccessKey: "any" },
  maxAttempts: 1,
};

let checks = 0;
let wrong = 0;
const holds = (what, truth, seen) => {
  checks += 1;
  if (truth) return;
  wrong += 1;
  console.log(`WRONG: ${what}: ${JSON.stringify(seen)}`);
};
const equal = (what, got, wanted) => holds(what, JSON.stringify(got) === JSON.stringify(wanted), { got, wanted });

/** Calls of one service: `call("CreateVpc", {…})`. */
const caller = (client, commands) => (name, input = {}) => client.send(new commands[`${name}Command`](input));

/** Checks that a call is refused: the error's name, as the SDK reads it off the answer, and its status. */
const refused = async (what, name, status, promise) => {
  try {
    const answer = await promise;
    holds(what, false, { accepted: answer });
  } catch (error) {
    equal(what, [error.name, error.$metadata?.httpStatusCode], [name, status]);
    holds(`${what}: a message and a request id`, error.message && error.$metadata?.requestId, error);
  }
};

const clients = {
  ec2: new EC2Client(settings),
  rds: new RDSClient(settings),
};
const EC2 = caller(clients.ec2, ec2);
const RDS = caller(clients.rds, rds);
const AppRunner = caller(new AppRunnerClient(settings), apprunner);
const Secrets = caller(new SecretsManagerClient(settings), secretsmanager);
const IAM = caller(new IAMClient(settings), iam);
const SSM = caller(new SSMClient(settings), ssm);
const STS = caller(new STSClient(settings), sts);
const Logs = caller(new CloudWatchLogsClient(settings), logs);

async function network() {
  const vpc = (await EC2("CreateVpc", { CidrBlock: "10.0.0.0/16" })).Vpc.VpcId;
  const subnets = [];
  for (const [number, zone] of ["a", "b", "a", "b", "a", "b"].entries()) {
    const made = await EC2("CreateSubnet", { VpcId: vpc, CidrBlock: `10.0.${number}.0/24`, AvailabilityZone: `eu-central-1${zone}` });
    subnets.push(made.Subnet.SubnetId);
  }
  const seen = [];
  for await (const page of paginateDescribeSubnets({ client: clients.ec2, pageSize: 5 }, { Filters: [{ Name: "vpc-id", Values: [vpc] }] })) {
    seen.push(page.Subnets.length);
  }
  equal("pages", seen, [5, 1]);
  const address = (await EC2("AllocateAddress", { Domain: "vpc" })).AllocationId;
  const gateway = (await EC2("CreateInternetGateway")).InternetGateway.InternetGatewayId;
  await EC2("AttachInternetGateway", { InternetGatewayId: gateway, VpcId: vpc });
  const nat = (await EC2("CreateNatGateway", { SubnetId: subnets[0], AllocationId: address, ClientToken: "once" })).NatGateway.NatGatewayId;
  const again = (await EC2("CreateNatGateway", { SubnetId: subnets[0], AllocationId: address, ClientToken: "once" })).NatGateway.NatGatewayId;
  equal("a repeated token makes no second gateway", again, nat);
  const waited = await waitUntilNatGatewayAvailable({ client: clients.ec2, maxWaitTime: 30, minDelay: 1 }, { NatGatewayIds: [nat] });
  equal("the waiter sees it", waited.state, "SUCCESS");
  await refused("a VPC in use", "DependencyViolation", 400, EC2("DeleteVpc", { VpcId: vpc }));
  await refused("no such VPC", "InvalidVpcID.NotFound", 400, EC2("DescribeVpcs", { VpcIds: ["vpc-0123456789abcdef0"] }));
  await refused("a subnet outside", "InvalidSubnet.Range", 400, EC2("CreateSubnet", { VpcId: vpc, CidrBlock: "10.9.0.0/24" }));
  return subnets;
}

async function database(subnets) {
  await RDS("CreateDBSubnetGroup", { DBSubnetGroupName: "js", DBSubnetGroupDescription: "js", SubnetIds: subnets.slice(0, 2) });
  const asked = {
    DBClusterIdentifier: "js", Engine: "aurora-postgresql", MasterUsername: "app", MasterUserPassword: "correct-horse",
    DBSubnetGroupName: "js", ServerlessV2ScalingConfiguration: { MinCapacity: 0.5, MaxCapacity: 1 },
  };
  const made = (await RDS("CreateDBCluster", asked)).DBCluster;
  equal("a cluster", [made.Status, made.ServerlessV2ScalingConfiguration.MinCapacity], ["creating", 0.5]);
  holds("its time is a date", made.ClusterCreateTime instanceof Date, made.ClusterCreateTime);
  const waited = await waitUntilDBClusterAvailable({ client: clients.rds, maxWaitTime: 60, minDelay: 1 }, { DBClusterIdentifier: "js" });
  equal("the waiter sees it", waited.state, "SUCCESS");
  await refused("once more", "DBClusterAlreadyExistsFault", 400, RDS("CreateDBCluster", asked));
  await refused("no such cluster", "DBClusterNotFoundFault", 404, RDS("DescribeDBClusters", { DBClusterIdentifier: "nowhere" }));
  await refused("no word about the data", "InvalidParameterCombination", 400, RDS("DeleteDBCluster", { DBClusterIdentifier: "js" }));
  await RDS("DeleteDBCluster", { DBClusterIdentifier: "js", SkipFinalSnapshot: true });
}

async function service() {
  const image = {
    ImageIdentifier: "public.ecr.aws/aws-containers/hello-app-runner:latest", ImageRepositoryType: "ECR_PUBLIC",
    ImageConfiguration: { Port: "8080", RuntimeEnvironmentVariables: { A: "b" } },
  };
  const asked = { ServiceName: "javascript", SourceConfiguration: { ImageRepository: image, AutoDeploymentsEnabled: false } };
  const arn = (await AppRunner("CreateService", asked)).Service.ServiceArn;
  const described = (await AppRunner("DescribeService", { ServiceArn: arn })).Service;
  equal("its environment", described.SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables, { A: "b" });
  holds("its time is a date", described.CreatedAt instanceof Date, described.CreatedAt);
  await refused("a name that is taken", "InvalidRequestException", 400, AppRunner("CreateService", asked));
  await refused("no such service", "ResourceNotFoundException", 400, AppRunner("DescribeService", { ServiceArn: arn.replace("/javascript/", "/nobody/") }));
  await AppRunner("DeleteService", { ServiceArn: arn });
}

async function secretsAndParameters() {
  const arn = (await Secrets("CreateSecret", { Name: "js", SecretBinary: new TextEncoder().encode("bytes") })).ARN;
  const value = await Secrets("GetSecretValue", { SecretId: arn });
  equal("bytes come back", new TextDecoder().decode(value.SecretBinary), "bytes");
  await refused("no such secret", "ResourceNotFoundException", 400, Secrets("GetSecretValue", { SecretId: "nobody" }));
  await SSM("PutParameter", { Name: "/js/a", Value: "1", Type: "String" });
  equal("a parameter", (await SSM("GetParameter", { Name: "/js/a" })).Parameter.Value, "1");
  await refused("no such parameter", "ParameterNotFound", 400, SSM("GetParameter", { Name: "/nobody" }));
}

async function identity() {
  equal("the account", (await STS("GetCallerIdentity")).Account, ACCOUNT);
  const trust = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { Service: "rds.amazonaws.com" }, Action: "sts:AssumeRole" }] };
  const role = (await IAM("CreateRole", { RoleName: "js", Path: "/js/", AssumeRolePolicyDocument: JSON.stringify(trust) })).Role;
  holds("its document is encoded as in AWS", decodeURIComponent(role.AssumeRolePolicyDocument).includes("rds.amazonaws.com"), role);
  await refused("no such role", "NoSuchEntityException", 404, IAM("GetRole", { RoleName: "nobody" }));
  await refused("a malformed document", "MalformedPolicyDocumentException", 400, IAM("CreateRole", { RoleName: "x", AssumeRolePolicyDocument: "{" }));
}

async function logLines() {
  await Logs("CreateLogGroup", { logGroupName: "/js" });
  await Logs("CreateLogStream", { logGroupName: "/js", logStreamName: "s" });
  await Logs("PutLogEvents", { logGroupName: "/js", logStreamName: "s", logEvents: [{ timestamp: Date.now(), message: "grüß dich ✓" }] });
  const events = (await Logs("GetLogEvents", { logGroupName: "/js", logStreamName: "s", startFromHead: true })).events;
  equal("every letter comes back", events.map((event) => event.message), ["grüß dich ✓"]);
  await refused("no such group", "ResourceNotFoundException", 400, Logs("GetLogEvents", { logGroupName: "/nobody", logStreamName: "s" }));
}

const walk = async (name, steps) => {
  try {
    return await steps();
  } catch (error) {
    wrong += 1;
    console.log(`WRONG: ${name} ended early: ${error.stack}`);
  }
};

const subnets = await walk("network", network);
await walk("database", () => database(subnets));
await walk("service", service);
await walk("secrets and parameters", secretsAndParameters);
await walk("identity", identity);
await walk("log lines", logLines);
console.log(`${checks} checks, ${wrong} wrong`);
process.exit(wrong ? 1 : 0);
