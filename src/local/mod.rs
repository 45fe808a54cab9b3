//! The local cloud: an AWS-compatible endpoint on this machine, with a real PostgreSQL behind it.
//!
//! A request passes `http` (bytes) → `model` (the official shapes: decode, check, encode) → one action
//! of a service → the `World`. Actions are plain functions from input to output on the state of one
//! account and region; nothing in them waits. Time passes by timestamps: a resource carries the moment
//! at which it changes its state, and `settle` moves it on before each request.

pub(crate) mod absent;
mod admission;
pub(crate) mod calls;
pub(crate) mod chaos;
pub(crate) mod chosen;
pub mod client;
pub(crate) mod cloud;
pub(crate) mod control;
pub(crate) mod daemon;
pub(crate) mod databases;
pub(crate) mod disk;
pub(crate) mod dispatch;
pub(crate) mod fault;
pub(crate) mod hosted_zones;
pub(crate) mod http;
pub(crate) mod inventory;
pub(crate) mod kms;
pub(crate) mod lines;
pub(crate) mod log;
pub(crate) mod members;
pub(crate) mod model;
pub(crate) mod pace;
pub(crate) mod page_token;
pub(crate) mod pattern;
pub(crate) mod process;
pub(crate) mod protocol;
pub(crate) mod service;
pub mod service_log;
pub(crate) mod shared;
pub(crate) mod size;
mod undo;
pub(crate) mod world;

pub(crate) mod apprunner;
pub(crate) mod ec2;
pub(crate) mod iam;
pub(crate) mod lambda;
pub(crate) mod logs;
pub(crate) mod rds;
pub(crate) mod secretsmanager;
pub(crate) mod ssm;
pub(crate) mod sts;

pub use chosen::Chosen;
pub use client::{Launch, ensure_started};
pub use daemon::{LocalError, Options, Running, start};
pub use disk::DiskError;
pub use pace::Pace;
pub(crate) use rds::{Momentary, ca_path, end_left_behind};
