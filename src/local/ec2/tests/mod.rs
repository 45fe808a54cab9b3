//! A region to test in: calls by name, at a time that the test sets. Each file tests one family of resources.

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use super::SERVICE;
use crate::local::{fault::Fault, members::testing};

mod addresses;
mod defaults;
mod endpoints;
mod full_subnets;
mod gateways;
mod groups;
mod prefix_lists;
mod refused;
mod routes;
mod shown;
mod vpcs;

/// An id that nothing has, of the kind with this prefix.
fn missing(prefix: &str) -> String {
    format!("{prefix}-0123456789abcdef0")
}

/// One account's region, with the words of these tests.
struct Cloud(testing::Cloud);

impl Deref for Cloud {
    type Target = testing::Cloud;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Cloud {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Cloud {
    /// An empty one, at AWS's own pace.
    fn new() -> Self {
        Self(testing::Cloud::new())
    }

    /// Calls an action as the server would.
    fn call(&mut self, action: &str, input: Value) -> Result<Value, Fault> {
        self.0.call(&SERVICE, action, input)
    }

    /// What `action` answers under `path`, a JSON pointer.
    fn get(&mut self, action: &str, input: Value, path: &str) -> String {
        let answer = self.call(action, input).expect("an answer");
        let value = answer.pointer(path).unwrap_or_else(|| panic!("no {path} in {answer}"));
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// How many items `action` lists.
    fn count(&mut self, action: &str, input: Value, items: &str) -> usize {
        self.call(action, input).expect("an answer")[items].as_array().expect("a list").len()
    }

    /// The code of the refusal.
    fn refusal(&mut self, action: &str, input: Value) -> String {
        match self.call(action, input.clone()) {
            Ok(answer) => panic!("{action} of {input} was not refused: {answer}"),
            Err(fault) => fault.code,
        }
    }

    /// Lets time pass.
    fn pass(&mut self, seconds: u64) {
        self.now += seconds * 1000;
    }

    fn vpc(&mut self) -> String {
        self.get("CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}), "/Vpc/VpcId")
    }

    fn subnet(&mut self, vpc: &str, cidr: &str) -> String {
        self.get("CreateSubnet", json!({"VpcId": vpc, "CidrBlock": cidr}), "/Subnet/SubnetId")
    }

    /// An internet gateway, attached.
    fn gateway(&mut self, vpc: &str) -> String {
        let id = self.get("CreateInternetGateway", json!({}), "/InternetGateway/InternetGatewayId");
        self.call("AttachInternetGateway", json!({"InternetGatewayId": id, "VpcId": vpc})).expect("attached");
        id
    }

    fn address(&mut self) -> String {
        self.get("AllocateAddress", json!({"Domain": "vpc"}), "/AllocationId")
    }

    fn nat_gateway(&mut self, subnet: &str, address: &str) -> String {
        let input = json!({"SubnetId": subnet, "AllocationId": address});
        self.get("CreateNatGateway", input, "/NatGateway/NatGatewayId")
    }

    fn group(&mut self, vpc: &str, name: &str) -> String {
        let input = json!({"VpcId": vpc, "GroupName": name, "Description": "for a test"});
        self.get("CreateSecurityGroup", input, "/GroupId")
    }

    /// Holds a table of refusals: action, input, code.
    fn refuses<const N: usize>(&mut self, table: [(&str, Value, &str); N]) {
        for (action, input, code) in table {
            assert_eq!(self.refusal(action, input.clone()), code, "{action} of {input}");
        }
    }

    /// Calls an action that is to succeed.
    fn done(&mut self, action: &str, input: Value) -> Value {
        self.call(action, input.clone()).unwrap_or_else(|fault| panic!("{action} of {input}: {fault}"))
    }

    /// The kinds in the inventory, sorted.
    fn inventory(&mut self) -> Vec<&'static str> {
        let now = self.now;
        self.region.ec2.settle(now);
        self.region.ec2.inventory().into_iter().map(|item| item.kind).collect()
    }
}
