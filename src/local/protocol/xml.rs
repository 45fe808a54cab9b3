//! Answers as XML: EC2's and the query services'.

use serde_json::{Map, Value};

use super::{Fault, Model, Operation, moment};
use crate::local::model::{Kind, ShapeId};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// EC2's answer: the members straight below the root, after the request id.
pub(super) fn ec2(model: &Model, operation: &Operation, output: &Value, request_id: &str) -> Result<String, String> {
    let mut writer = Writer { model, text: DECLARATION.to_owned() };
    let root = format!("{}Response", operation.name);
    let namespace = model.metadata.xml_namespace.trim_end_matches('/');
    writer.text += &format!("<{root} xmlns=\"{namespace}/\">");
    writer.leaf("requestId", request_id);
    match operation.output {
        Some(shape) => {
            writer.content(shape, &or_empty(output), "")?;
            // Where success is all there is to say, EC2 says it; the actions need not.
            if let Kind::Structure(members) = &model.shape(shape).kind
                && let Some(member) = members.iter().find(|member| member.wire() == "return")
                && output.get(&member.name).is_none_or(Value::is_null)
            {
                writer.leaf("return", "true");
            }
        }
        None => writer.leaf("return", "true"),
    }
    writer.close(&root);
    Ok(writer.text)
}

/// A query service's answer: the members in the result's own element, the request id behind it.
pub(super) fn query(model: &Model, operation: &Operation, output: &Value, request_id: &str) -> Result<String, String> {
    let mut writer = Writer { model, text: String::new() };
    let root = format!("{}Response", operation.name);
    writer.text += &format!("<{root} xmlns=\"{}\">", model.metadata.xml_namespace);
    if let Some(shape) = operation.output {
        let wrapper = operation.wrapper.as_deref().unwrap_or(&operation.name);
        writer.open(wrapper);
        writer.content(shape, &or_empty(output), "")?;
        writer.close(wrapper);
    }
    writer.open("ResponseMetadata");
    writer.leaf("RequestId", request_id);
    writer.close("ResponseMetadata");
    writer.close(&root);
    Ok(writer.text)
}

fn or_empty(output: &Value) -> std::borrow::Cow<'_, Value> {
    match output {
        Value::Null => std::borrow::Cow::Owned(Value::Object(Map::new())),
        _ => std::borrow::Cow::Borrowed(output),
    }
}

/// EC2's refusal.
pub(super) fn ec2_refusal(fault: &Fault, request_id: &str) -> String {
    format!(
        "{DECLARATION}<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>\
         <RequestID>{request_id}</RequestID></Response>",
        escaped(&fault.code),
        escaped(&fault.message)
    )
}

/// A query service's refusal.
pub(super) fn query_refusal(model: &Model, fault: &Fault, status: u16, request_id: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>",
        model.metadata.xml_namespace,
        if status < 500 { "Sender" } else { "Receiver" },
        escaped(&fault.code),
        escaped(&fault.message)
    )
}

/// A refusal in the envelope `root`, or in none.
pub(super) fn plain_refusal(root: &str, fault: &Fault, request_id: &str) -> String {
    let (code, message) = (escaped(&fault.code), escaped(&fault.message));
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    match root {
        "" => format!("{DECLARATION}{error}"),
        _ => format!("<{root}>{error}<RequestId>{request_id}</RequestId></{root}>"),
    }
}

/// Text as it may stand in XML; what XML 1.0 cannot express becomes the replacement character.
fn escaped(text: &str) -> String {
    let forbidden = |letter: char| {
        (letter < ' ' && !matches!(letter, '\t' | '\n' | '\r')) || matches!(letter, '\u{FFFE}' | '\u{FFFF}')
    };
    // A bare carriage return would be read as a line feed.
    quick_xml::escape::escape(text).replace(forbidden, "\u{FFFD}").replace('\r', "&#13;")
}

struct Writer<'a> {
    model: &'a Model,
    text: String,
}

impl Writer<'_> {
    fn open(&mut self, name: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
    }

    fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    fn leaf(&mut self, name: &str, content: &str) {
        self.open(name);
        self.text.push_str(&escaped(content));
        self.close(name);
    }

    fn element(&mut self, name: &str, shape: ShapeId, value: &Value, path: &str) -> Result<(), String> {
        self.open(name);
        self.content(shape, value, path)?;
        self.close(name);
        Ok(())
    }

    fn content(&mut self, shape: ShapeId, value: &Value, path: &str) -> Result<(), String> {
        let model = self.model;
        match (&model.shape(shape).kind, value) {
            (Kind::Structure(members), Value::Object(given)) => {
                if let Some(name) = given.keys().find(|name| members.iter().all(|member| member.name != **name)) {
                    return Err(format!("there is no member {path}.{name}"));
                }
                for member in members {
                    if let Some(value) = given.get(&member.name).filter(|value| !value.is_null()) {
                        self.element(member.wire(), member.shape, value, &format!("{path}.{}", member.name))?;
                    }
                }
            }
            (Kind::List(member), Value::Array(elements)) => {
                for element in elements {
                    self.element(member.wire(), member.shape, element, path)?;
                }
            }
            (Kind::Map(key, member), Value::Object(entries)) => {
                for (name, value) in entries {
                    self.open("entry");
                    self.leaf(key.wire(), name);
                    self.element(member.wire(), member.shape, value, path)?;
                    self.close("entry");
                }
            }
            (Kind::Timestamp, Value::String(text)) => {
                let whole =
                    ["https://iam.", "https://sts."].iter().any(|of| model.metadata.xml_namespace.starts_with(of));
                self.text += &moment::to_text(text, whole).ok_or_else(|| format!("{path} is no time: {text}"))?;
            }
            (Kind::String | Kind::Blob, Value::String(text)) => self.text += &escaped(text),
            (Kind::Boolean, Value::Bool(_)) | (Kind::Integer | Kind::Long | Kind::Float, Value::Number(_)) => {
                self.text += &value.to_string();
            }
            (kind, _) => return Err(format!("{path} is not of the kind {}", kind.name())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model(service: &str) -> &'static Model {
        Model::of(service).unwrap()
    }

    fn written(service: &str, action: &str, output: &Value) -> String {
        let model = model(service);
        let operation = model.operation(action).unwrap();
        let answer = super::super::answer(model, operation, output, "ID");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    #[test]
    fn ec2_answers_as_in_its_reference() {
        let output = json!({ "Vpc": {
            "VpcId": "vpc-1a2b3c4d", "State": "pending", "CidrBlock": "10.0.0.0/16", "DhcpOptionsId": "dopt-1a2b3c4d2",
            "InstanceTenancy": "default", "IsDefault": false, "OwnerId": null,
            "Tags": [{ "Key": "Name", "Value": "a <b> & \"c\"" }], "CidrBlockAssociationSet": [],
        } });
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <CreateVpcResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>ID</requestId><vpc>\
             <instanceTenancy>default</instanceTenancy><cidrBlockAssociationSet></cidrBlockAssociationSet>\
             <isDefault>false</isDefault><tagSet><item><key>Name</key>\
             <value>a &lt;b&gt; &amp; &quot;c&quot;</value></item></tagSet><vpcId>vpc-1a2b3c4d</vpcId>\
             <state>pending</state><cidrBlock>10.0.0.0/16</cidrBlock><dhcpOptionsId>dopt-1a2b3c4d2</dhcpOptionsId>\
             </vpc></CreateVpcResponse>";
        assert_eq!(written("ec2", "CreateVpc", &output), expected);
    }

    #[test]
    fn ec2_says_true_where_there_is_nothing_else_to_say() {
        for (action, output) in [("DeleteVpc", json!({})), ("DeleteVpc", Value::Null), ("CreateRoute", json!({}))] {
            assert!(written("ec2", action, &output).contains("<return>true</return>"), "{action}");
        }
        assert!(written("ec2", "CreateRoute", &json!({ "Return": false })).contains("<return>false</return>"));
    }

    #[test]
    fn query_services_answer_as_in_their_references() {
        let output = json!({ "UserId": "AIDA", "Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/a" });
        let expected = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><UserId>AIDA</UserId><Account>123456789012</Account>\
             <Arn>arn:aws:iam::123456789012:user/a</Arn></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></GetCallerIdentityResponse>";
        assert_eq!(written("sts", "GetCallerIdentity", &output), expected);

        let output = json!({ "DBClusters": [{ "DBClusterIdentifier": "a", "Port": 5432, "StorageEncrypted": true,
            "ServerlessV2ScalingConfiguration": { "MinCapacity": 0.5 }, "ClusterCreateTime": "2026-11-23T06:40:00Z",
            "AvailabilityZones": ["eu-central-1a"], "VpcSecurityGroups": [{ "VpcSecurityGroupId": "sg-1" }] }] });
        let text = written("rds", "DescribeDBClusters", &output);
        for part in [
            "<DBClusters><DBCluster>",
            "<AvailabilityZones><AvailabilityZone>eu-central-1a</AvailabilityZone></AvailabilityZones>",
            "<VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-1</VpcSecurityGroupId>",
            "<Port>5432</Port>",
            "<MinCapacity>0.5</MinCapacity>",
            "<ClusterCreateTime>2026-11-23T06:40:00.000Z</ClusterCreateTime>",
            "<StorageEncrypted>true</StorageEncrypted>",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!written("iam", "DeleteRole", &Value::Null).contains("Result"));
        let session = json!({ "Credentials": { "Expiration": "2026-11-23T06:40:00.123Z" } });
        let text = written("sts", "GetSessionToken", &session);
        assert!(text.contains("<Expiration>2026-11-23T06:40:00Z</Expiration>"), "{text}");
    }

    #[test]
    fn refusals_come_in_each_envelope() {
        let fault = Fault::new("InvalidVpcID.NotFound", "The vpc ID '<x>' does not exist");
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>The vpc ID &apos;&lt;x&gt;&apos; does \
             not exist</Message></Error></Errors><RequestID>ID</RequestID></Response>";
        assert_eq!(ec2_refusal(&fault, "ID"), expected);
        let fault = Fault::new("DBClusterNotFoundFault", "DBCluster a not found.");
        let answer = super::super::refusal(model("rds"), &fault, "ID");
        assert_eq!(answer.status, 404, "the model knows the status");
        let expected = "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type>\
             <Code>DBClusterNotFoundFault</Code><Message>DBCluster a not found.</Message></Error>\
             <RequestId>ID</RequestId></ErrorResponse>";
        assert_eq!(answer.body, expected);
    }

    #[test]
    fn an_output_that_the_model_does_not_know_is_our_own_failure() {
        let model = model("ec2");
        for output in [json!({ "Vcp": {} }), json!({ "Vpc": "vpc-1" }), json!({ "Vpc": { "IsDefault": "yes" } })] {
            let answer = super::super::answer(model, model.operation("CreateVpc").unwrap(), &output, "ID");
            assert_eq!(answer.status, 500);
            assert!(answer.body.contains("InternalFailure"));
        }
    }

    #[test]
    fn text_is_always_well_formed() {
        assert_eq!(escaped("a\u{0}b\u{FFFF}\r\n<>&'\""), "a\u{FFFD}b\u{FFFD}&#13;\n&lt;&gt;&amp;&apos;&quot;");
    }
}
