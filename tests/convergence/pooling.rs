//! The cases of what leads to the database: the secret's connection, the proxy, its target.

use aws_sdk_rds::types::{ClientPasswordAuthType, ConnectionPoolConfiguration, UserAuthConfig};
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueOutput;
use futures::FutureExt;
use infra::{
    aws::Clients,
    engine::{
        Live, Ref,
        plan::Action::{Replace, Update},
    },
    resources::{
        proxy::{Auth, Proxy},
        proxy_target::ProxyTarget,
        secret_attachment::SecretAttachment,
    },
};

use super::{
    Case,
    data::{credentials, database, in_a_network, instance_of, subnets},
    network, service,
};

fn attachment() -> SecretAttachment {
    SecretAttachment {
        secret: Ref::to("database"),
        cluster: Ref::to("database"),
        username: "app".into(),
        engine: "postgres".into(),
        host: Ref::to("database").output("endpoint"),
        port: 5432,
        dbname: "app".into(),
        password_set: true,
        displaced_version: None,
        scheduled_secret: None,
        is_no_json: false,
    }
}

pub(super) fn secret_attachment() -> Case<SecretAttachment> {
    in_a_network(Case::new("database", attachment()))
        .fixed("secret")
        .fixed("password_set")
        .around("database", database("database"))
        .around("other", database("other"))
        .change("cluster", Update, |attachment| attachment.cluster = Ref::to("other"))
        .change("host", Update, |attachment| attachment.host = Ref::to("other").output("endpoint"))
        .change("port", Update, |attachment| attachment.port = 5433)
        .change("username", Update, |attachment| attachment.username = "shop".into())
        .change("dbname", Update, |attachment| attachment.dbname = "shop".into())
        .change("engine", Update, |attachment| attachment.engine = "aurora-postgresql".into())
        .drift(
            "led to another host",
            Update,
            act!(|aws, live| {
                let text = r#"{"username":"app","password":"made-by-hand","host":"elsewhere","port":5432,"mine":true}"#;
                put(aws, live, text).await
            }),
        )
        .drift(
            "the connection taken out",
            Update,
            act!(|aws, live| put(aws, live, r#"{"username":"app","password":"made-by-hand"}"#).await),
        )
        .drift(
            "the cluster has the password of another secret",
            Update,
            act!(|aws, live| {
                let name = live.spec.cluster.as_value().unwrap();
                let clusters = aws.rds.describe_db_clusters().db_cluster_identifier(name).send().await.unwrap();
                let tag = aws_sdk_rds::types::Tag::builder().key("infra:password-of").value("another").build();
                let cluster = clusters.db_clusters()[0].db_cluster_arn().unwrap();
                aws.rds.add_tags_to_resource().resource_name(cluster).tags(tag).send().await.unwrap()
            }),
        )
}

async fn put(aws: &Clients, live: &Live<SecretAttachment>, text: &str) -> PutSecretValueOutput {
    let arn = live.spec.secret.as_value().unwrap();
    aws.secretsmanager.put_secret_value().secret_id(arn).secret_string(text).send().await.unwrap()
}

fn pooled(name: &str) -> Proxy {
    Proxy {
        name: format!("case-{name}"),
        role: Ref::to("proxy").output("arn"),
        auth: vec![Auth::by_password(Ref::to("database"))],
        default_auth: Some("NONE".into()),
        subnets: subnets(&["one", "two"]),
        security_groups: vec![Ref::to("database")],
        require_tls: true,
        idle_client_timeout_seconds: 1800,
        debug_logging: false,
        max_connections_percent: 90,
        max_idle_connections_percent: 45,
        connection_borrow_timeout_seconds: 120,
        init_query: String::new(),
        session_pinning_filters: Vec::new(),
    }
}

pub(super) fn proxy() -> Case<Proxy> {
    in_a_network(Case::new("database", pooled("proxy")))
        .around("three", network::part(3, "b"))
        .around("other", network::group("other", vec![], vec![]))
        .around("other", credentials("other"))
        .around("proxy", service::reader("proxy", "rds.amazonaws.com", "database"))
        .around("other", service::reader("other", "rds.amazonaws.com", "other"))
        .change("max_connections_percent", Update, |proxy| {
            (proxy.max_connections_percent, proxy.max_idle_connections_percent) = (30, 15);
        })
        .change("max_idle_connections_percent", Update, |proxy| proxy.max_idle_connections_percent = 10)
        .change("connection_borrow_timeout_seconds", Update, |proxy| proxy.connection_borrow_timeout_seconds = 60)
        .change("init_query", Update, |proxy| proxy.init_query = "set statement_timeout = 60000".into())
        .change("session_pinning_filters", Update, |proxy| {
            proxy.session_pinning_filters = vec!["EXCLUDE_VARIABLE_SETS".into()];
        })
        .change("role", Update, |proxy| proxy.role = Ref::to("other").output("arn"))
        .change("auth", Update, |proxy| proxy.auth[0].client_password = Some("POSTGRES_MD5".into()))
        .change("auth", Update, |proxy| proxy.auth.push(Auth::by_password(Ref::to("other"))))
        .change("auth", Update, |proxy| proxy.auth = vec![Auth::by_password(Ref::to("other"))])
        // The local cloud's proxies let nobody in without credentials of theirs.
        .fixed("default_auth")
        .change("security_groups", Update, |proxy| proxy.security_groups = vec![Ref::to("other")])
        .change("require_tls", Update, |proxy| proxy.require_tls = false)
        .change("idle_client_timeout_seconds", Update, |proxy| proxy.idle_client_timeout_seconds = 60)
        .change("debug_logging", Update, |proxy| proxy.debug_logging = true)
        .change("name", Replace, |proxy| proxy.name = "case-other".into())
        .change("subnets", Replace, |proxy| {
            proxy.name = "case-third".into();
            proxy.subnets = subnets(&["one", "three"]);
        })
        .drift(
            "TLS no longer required, and the pool widened",
            Update,
            act!(|aws, live| {
                let pool = ConnectionPoolConfiguration::builder().max_connections_percent(100).build();
                let call = aws.rds.modify_db_proxy_target_group().db_proxy_name(&live.id);
                call.target_group_name("default").connection_pool_config(pool).send().await.unwrap();
                aws.rds.modify_db_proxy().db_proxy_name(&live.id).require_tls(false).send().await.unwrap()
            }),
        )
        .drift(
            "nobody writes any more",
            Update,
            act!(|aws, live| {
                let pool = ConnectionPoolConfiguration::builder().init_query("set default_transaction_read_only = on");
                let call = aws.rds.modify_db_proxy_target_group().db_proxy_name(&live.id).target_group_name("default");
                call.connection_pool_config(pool.build()).send().await.unwrap()
            }),
        )
        .drift(
            "what one client sets, the next one finds",
            Update,
            act!(|aws, live| {
                let pool = ConnectionPoolConfiguration::builder().session_pinning_filters("EXCLUDE_VARIABLE_SETS");
                let call = aws.rds.modify_db_proxy_target_group().db_proxy_name(&live.id).target_group_name("default");
                call.connection_pool_config(pool.build()).send().await.unwrap()
            }),
        )
        .drift(
            "another way in beside its own",
            Update,
            act!(|aws, live| {
                let own = live.spec.auth[0].secret.as_value().unwrap();
                let auth = |kind| UserAuthConfig::builder().secret_arn(own).client_password_auth_type(kind).build();
                let both = [ClientPasswordAuthType::PostgresScramSha256, ClientPasswordAuthType::PostgresMd5].map(auth);
                aws.rds.modify_db_proxy().db_proxy_name(&live.id).set_auth(Some(both.into())).send().await.unwrap()
            }),
        )
}

pub(super) fn proxy_target() -> Case<ProxyTarget> {
    in_a_network(Case::new("database", ProxyTarget { proxy: Ref::to("database"), cluster: Ref::to("database") }))
        .fixed("proxy")
        .around("proxy", service::reader("proxy", "rds.amazonaws.com", "database"))
        .around("database", database("database"))
        .around("other", database("other"))
        .around("1", instance_of("database", "database-1"))
        .around("2", instance_of("other", "other-1"))
        .around("database", attachment())
        .around("database", pooled("proxy"))
        .change("cluster", Replace, |target| target.cluster = Ref::to("other"))
}
