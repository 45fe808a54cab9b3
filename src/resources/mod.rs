//! The kinds of AWS resources, one a file; [`KINDS`] is the one list of them.

use crate::engine::Kind;

mod apprunner;
mod ec2;
mod rds;

pub mod auto_scaling;
pub mod cluster;
pub mod cluster_parameter_group;
pub mod cost;
pub mod db_subnet_group;
pub mod elastic_ip;
pub mod expand;
pub mod facts;
pub mod forbidden;
pub mod function;
pub mod instance;
pub mod internet_gateway;
pub mod leftovers;
pub mod migrations;
pub mod named;
pub mod nat_gateway;
mod occupants;
pub mod permissions;
pub mod proxy;
pub mod proxy_target;
pub mod role;
pub mod route_table;
pub mod secret;
pub mod secret_attachment;
pub mod security_group;
pub mod service;
pub mod strangers;
pub mod subnet;
pub mod vpc;
pub mod vpc_connector;
pub mod vpc_endpoint;

/// Every kind there is, from the ground up.
pub static KINDS: &[Kind] = &[
    Kind::of::<vpc::Vpc>(),
    Kind::of::<internet_gateway::InternetGateway>(),
    Kind::of::<subnet::Subnet>(),
    Kind::of::<elastic_ip::ElasticIp>(),
    Kind::of::<nat_gateway::NatGateway>(),
    Kind::of::<route_table::RouteTable>(),
    Kind::of::<security_group::SecurityGroup>(),
    Kind::of::<vpc_endpoint::VpcEndpoint>(),
    Kind::of::<secret::Secret>(),
    Kind::of::<role::Role>(),
    Kind::of::<db_subnet_group::DbSubnetGroup>(),
    Kind::of::<cluster_parameter_group::ClusterParameterGroup>(),
    Kind::of::<cluster::Cluster>(),
    Kind::of::<instance::Instance>(),
    Kind::of::<secret_attachment::SecretAttachment>(),
    Kind::of::<proxy::Proxy>(),
    Kind::of::<proxy_target::ProxyTarget>(),
    Kind::of::<function::Function>(),
    Kind::of::<migrations::Migrations>(),
    Kind::of::<vpc_connector::VpcConnector>(),
    Kind::of::<auto_scaling::AutoScaling>(),
    Kind::of::<service::Service>(),
];
