//! Who is meant by a request, and what the way to an action does with it.

use super::*;

fn scope(account: &str, key: &str, region: &str, service: &str) -> Option<Scope> {
    let [account, key, region, service] = [account, key, region, service].map(str::to_owned);
    Some(Scope { account, key, region, service })
}

#[test]
fn the_scope_is_read_from_the_header_or_the_url() {
    let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-central-1/rds/aws4_request, \
                  SignedHeaders=host;x-amz-date, Signature=00";
    assert_eq!(Scope::read(Some(header), ""), scope(ACCOUNT, "AKIDEXAMPLE", "eu-central-1", "rds"));
    let header = "AWS4-HMAC-SHA256 Credential=111122223333/20261123/us-east-1/ec2/aws4_request,SignedHeaders=host";
    assert_eq!(Scope::read(Some(header), ""), scope("111122223333", "111122223333", "us-east-1", "ec2"));
    let url = "Action=GetCallerIdentity&X-Amz-Credential=AKID%2F20261123%2Fus-east-1%2Fsts%2Faws4_request";
    assert_eq!(Scope::read(None, url), scope(ACCOUNT, "AKID", "us-east-1", "sts"));
    for broken in ["", "Basic abc", "Credential=", "Credential=a/b/aws4_request", "Credential=a/b/c/d/e"] {
        assert_eq!(Scope::read(Some(broken), ""), None, "{broken}");
    }
}

#[test]
fn a_region_is_a_name_and_never_a_path() {
    for region in ["us-east-1", "ap-southeast-2", "us-gov-west-1", "us-iso-east-1"] {
        assert!(is_region(region), "{region}");
    }
    for other in ["", "..", "us-east", "../us-east-1", "us-east-1/..", "US-EAST-1", "us--1", "aws-global", "a-b-123"] {
        assert!(!is_region(other), "{other}");
    }
}

/// A cloud with every service, in this folder.
fn cloud(data: &tempfile::TempDir) -> Arc<Cloud> {
    let services = crate::local::service::SERVICES.to_vec();
    Arc::new(Cloud::open(data.path(), crate::local::pace::Pace::Instant, services).unwrap())
}

/// What a call by a form answers: its status and its text.
async fn form(cloud: &Arc<Cloud>, key: &str, service: &str, body: &str) -> (u16, String) {
    let account = if key.len() == ACCOUNT.len() { key } else { ACCOUNT };
    let headers = hyper::HeaderMap::new();
    let request = Request { method: "POST", path: "/", headers: &headers, query: "", body: body.as_bytes() };
    let (answer, _) = answer(cloud, scope(account, key, "us-east-1", service), &request).await;
    let Delivery::Whole(answer) = answer else { panic!("{body} was not answered") };
    (answer.status, answer.body)
}

#[tokio::test]
async fn a_dry_run_refuses_what_the_call_would_and_makes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let cloud = cloud(&data);
    for (call, status, code) in [
        ("Action=CreateVpc&CidrBlock=10.0.0.0/16&DryRun=true", 412, "DryRunOperation"),
        ("Action=CreateVpc&CidrBlock=10.0.0.0/8&DryRun=true", 400, "InvalidVpc.Range"),
        ("Action=DeleteVpc&VpcId=vpc-0123456789abcdef0&DryRun=true", 400, "InvalidVpcID.NotFound"),
        ("Action=DescribeVpcs&DryRun=true", 412, "DryRunOperation"),
    ] {
        let (found, text) = form(&cloud, "any", "ec2", &format!("{call}&Version=2016-11-15")).await;
        assert_eq!(found, status, "{text}");
        assert!(text.contains(&format!("<Code>{code}</Code>")), "{text}");
    }
    let (_, vpcs) = form(&cloud, "any", "ec2", "Action=DescribeVpcs&Version=2016-11-15").await;
    assert!(!vpcs.contains("vpc-"), "{vpcs}");
}

#[tokio::test]
async fn a_role_of_another_account_is_assumed_where_it_is() {
    let data = tempfile::tempdir().unwrap();
    let cloud = cloud(&data);
    for (name, principal) in [("open", "123456789012"), ("closed", "444455556666")] {
        make_role(&cloud, "111122223333", name, principal).await;
    }
    let assume = |role: &str| {
        format!(
            "Action=AssumeRole&Version=2011-06-15&RoleSessionName=deploy&RoleArn=arn:aws:iam::111122223333:role/{role}"
        )
    };
    let (status, text) = form(&cloud, "123456789012", "sts", &assume("open")).await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("arn:aws:sts::111122223333:assumed-role/open/deploy"), "{text}");
    let key = text.split("<AccessKeyId>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    assert_eq!(cloud.account_of_session(key).as_deref(), Some("111122223333"));
    for role in ["closed", "missing"] {
        let (status, text) = form(&cloud, "123456789012", "sts", &assume(role)).await;
        assert_eq!(status, 403, "{text}");
        assert!(text.contains("User: arn:aws:iam::123456789012:user/local is not authorized"), "{text}");
    }
}

/// Makes a role that trusts an account.
async fn make_role(cloud: &Arc<Cloud>, account: &str, name: &str, principal: &str) {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"AWS":"{principal}"}}}}}}"#
    );
    let call: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("Action", "CreateRole"), ("Version", "2010-05-08"), ("RoleName", name)])
        .append_pair("AssumeRolePolicyDocument", &trust)
        .finish();
    assert_eq!(form(cloud, account, "iam", &call).await.0, 200);
}

#[tokio::test]
async fn a_token_leads_on_in_its_account_and_question_alone() {
    let data = tempfile::tempdir().unwrap();
    let cloud = cloud(&data);
    for account in ["111122223333", "123456789012"] {
        for name in ["one", "two"] {
            make_role(&cloud, account, name, "111122223333").await;
        }
    }
    let list = "Action=ListRoles&Version=2010-05-08&MaxItems=1";
    let (_, first) = form(&cloud, "111122223333", "iam", list).await;
    let marker = first.split("<Marker>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let (status, second) = form(&cloud, "111122223333", "iam", &format!("{list}&Marker={marker}")).await;
    assert!(status == 200 && second.contains("<RoleName>two</RoleName>"), "{second}");
    for (account, call) in [
        ("123456789012", format!("{list}&Marker={marker}")),
        ("111122223333", format!("{list}&PathPrefix=/a/&Marker={marker}")),
        ("111122223333", format!("{list}&Marker=MTp0d28")),
    ] {
        let (status, text) = form(&cloud, account, "iam", &call).await;
        assert!(status == 400 && text.contains("<Message>Invalid Marker.</Message>"), "{text}");
    }
}

#[tokio::test]
async fn a_mistake_of_ours_is_an_answer_and_the_next_call_is_made() {
    static BROKEN: Service = Service {
        name: "ssm",
        actions: &[
            ("DeleteParameter", |_, _| panic!("on purpose")),
            ("GetParameter", |_, _| Ok(serde_json::json!({}))),
        ],
        runs: &[],
    };
    let data = tempfile::tempdir().unwrap();
    let cloud = Arc::new(Cloud::open(data.path(), crate::local::pace::Pace::Instant, vec![&BROKEN]).unwrap());
    for (action, status) in [("DeleteParameter", 500), ("GetParameter", 200)] {
        let headers = [("x-amz-target", format!("AmazonSSM.{action}"))];
        let headers =
            headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let request = Request { method: "POST", path: "/", headers: &headers, query: "", body: br#"{"Name":"one"}"# };
        let (answer, _) = answer(&cloud, scope(ACCOUNT, "any", "us-east-1", "ssm"), &request).await;
        let Delivery::Whole(answer) = answer else { panic!("{action} was not answered") };
        assert_eq!(answer.status, status, "{action}");
    }
}
