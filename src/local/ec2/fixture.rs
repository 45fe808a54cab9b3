//! A region to test in: calls by name, at a time that the test sets.

use serde_json::{Value, json};

use super::SERVICE;
use crate::local::{
    fault::Fault,
    iam,
    pace::{Millis, Pace},
    world::{Ctx, Region},
};

/// One account's region, as the actions see it.
pub(super) struct Cloud {
    pub(super) region: Region,
    iam: iam::Store,
    pub(super) now: Millis,
    pub(super) pace: Pace,
}

impl Cloud {
    /// An empty one, at AWS's own pace.
    pub(super) fn new() -> Self {
        Self { region: Region::default(), iam: iam::Store::default(), now: 1_700_000_000_000, pace: Pace::Scaled(1.0) }
    }

    /// Calls an action as the server would.
    pub(super) fn call(&mut self, action: &str, input: Value) -> Result<Value, Fault> {
        self.region.ec2.settle(self.now);
        let (_, answer) = SERVICE.actions.iter().find(|(name, _)| *name == action).expect("a known action");
        let mut ctx = Ctx {
            account: "123456789012",
            region_name: "eu-central-1",
            iam: &mut self.iam,
            region: &mut self.region,
            now: self.now,
            pace: self.pace,
        };
        answer(&mut ctx, input)
    }

    /// What `action` answers under `path`, a JSON pointer.
    pub(super) fn get(&mut self, action: &str, input: Value, path: &str) -> String {
        let answer = self.call(action, input).expect("an answer");
        let value = answer.pointer(path).unwrap_or_else(|| panic!("no {path} in {answer}"));
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// How many items `action` lists.
    pub(super) fn count(&mut self, action: &str, input: Value, items: &str) -> usize {
        self.call(action, input).expect("an answer")[items].as_array().expect("a list").len()
    }

    /// The code of the refusal.
    pub(super) fn refusal(&mut self, action: &str, input: Value) -> String {
        match self.call(action, input) {
            Ok(answer) => panic!("{action} was not refused: {answer}"),
            Err(fault) => fault.code,
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, seconds: u64) {
        self.now += seconds * 1000;
    }

    pub(super) fn vpc(&mut self) -> String {
        self.get("CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}), "/Vpc/VpcId")
    }

    pub(super) fn subnet(&mut self, vpc: &str, cidr: &str) -> String {
        self.get("CreateSubnet", json!({"VpcId": vpc, "CidrBlock": cidr}), "/Subnet/SubnetId")
    }

    /// An internet gateway, attached.
    pub(super) fn gateway(&mut self, vpc: &str) -> String {
        let id = self.get("CreateInternetGateway", json!({}), "/InternetGateway/InternetGatewayId");
        self.call("AttachInternetGateway", json!({"InternetGatewayId": id, "VpcId": vpc})).expect("attached");
        id
    }

    pub(super) fn address(&mut self) -> String {
        self.get("AllocateAddress", json!({"Domain": "vpc"}), "/AllocationId")
    }

    pub(super) fn nat_gateway(&mut self, subnet: &str, address: &str) -> String {
        let input = json!({"SubnetId": subnet, "AllocationId": address});
        self.get("CreateNatGateway", input, "/NatGateway/NatGatewayId")
    }

    pub(super) fn group(&mut self, vpc: &str, name: &str) -> String {
        let input = json!({"VpcId": vpc, "GroupName": name, "Description": "for a test"});
        self.get("CreateSecurityGroup", input, "/GroupId")
    }
}
