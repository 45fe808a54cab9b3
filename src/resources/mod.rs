//! The kinds of AWS resources, one a file.

mod rds;

pub mod auto_scaling;
pub mod cluster;
pub mod cluster_parameter_group;
pub mod db_subnet_group;
pub mod elastic_ip;
pub mod instance;
pub mod internet_gateway;
pub mod nat_gateway;
pub mod proxy;
pub mod proxy_target;
pub mod role;
pub mod route_table;
pub mod secret;
pub mod secret_attachment;
pub mod security_group;
pub mod service;
pub mod subnet;
pub mod vpc;
pub mod vpc_connector;
pub mod vpc_endpoint;
