//! The kind `secret-attachment`: the part of a secret that says where its database is.

use aws_sdk_rds::types::DbCluster;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use futures::future::try_join_all;
use serde::{Serialize, Serializer};

use super::{
    cluster::{self, Cluster},
    secret::{
        self, Scheduled, Secret,
        content::{Connection, Content},
        version::{self, Held},
    },
};
use crate::{
    aws::{Class, Clients, Error, Result, tags, unless_gone},
    engine::{Address, Change, Live, Obstacle, Phase, Ref, Resource, Scope, Seen, Tags, Times, identity::Stamp},
};

/// The members `engine`, `host`, `port`, `dbname` and `dbClusterIdentifier` of a secret's JSON, written once the cluster
/// has an endpoint. The password and all other members stay untouched.
///
/// The cluster is in a tag of the secret besides. Whoever edits the secret may lose the members; that there was a database
/// is not forgotten by that.
///
/// As CDK's `AWS::SecretsManager::SecretTargetAttachment`. APIs: DescribeSecret, GetSecretValue, PutSecretValue,
/// UpdateSecretVersionStage, TagResource, UntagResource; ModifyDBCluster where the secret was made anew. Its address has the secret's name.
#[derive(Debug, Clone, Serialize)]
pub struct SecretAttachment {
    /// The secret, by ARN.
    pub secret: Ref<Secret>,
    /// The cluster, by identifier.
    pub cluster: Ref<Cluster>,
    /// The master user.
    #[serde(serialize_with = "text")]
    pub username: String,
    /// `postgres`.
    #[serde(serialize_with = "text")]
    pub engine: String,
    /// The cluster's endpoint.
    #[serde(serialize_with = "host")]
    pub host: Ref<Cluster>,
    /// The cluster's port.
    #[serde(serialize_with = "port")]
    pub port: u16,
    /// The database made with the cluster.
    #[serde(serialize_with = "text")]
    pub dbname: String,
    /// Whether the master user has the secret's password, as far as the cluster's tag tells.
    pub password_set: bool,
    /// Of a live one: the version of the secret that an interrupted run took AWSPREVIOUS from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub displaced_version: Option<String>,
    /// The secret, where it is to be restored.
    #[serde(skip)]
    pub scheduled_secret: Option<Scheduled>,
    /// Of a live one: whether the secret holds something else than a JSON object.
    #[serde(skip)]
    pub is_no_json: bool,
}

/// A member of the secret as an attribute: none, where it is empty or missing.
fn text<S: Serializer>(value: &str, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    Some(value).filter(|value| !value.is_empty()).serialize(serializer)
}

/// The same.
fn host<S: Serializer>(value: &Ref<Cluster>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    Some(value).filter(|host| host.as_value() != Some("")).serialize(serializer)
}

/// The same.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's type")]
fn port<S: Serializer>(value: &u16, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    Some(value).filter(|port| **port != 0).serialize(serializer)
}

/// The tag of the secret that names the cluster.
const CLUSTER: &str = "infra:cluster";
/// The tag of the secret that says what was applied to its connection.
const STAMP: Stamp = Stamp::of(SecretAttachment::KIND);

impl Resource for SecretAttachment {
    const KIND: &'static str = "secret-attachment";
    const IMMUTABLE: &'static [&'static str] = &["secret"];
    const READS_SECRETS: bool = true;
    const TAGGED: bool = false;
    const STAMPED: bool = true;

    const TIMES: Times = Times::seconds(2, 2, 2);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let secrets = secret::ours(scope).await?;
        // What a secret holds is told one by one only.
        let calls = secrets
            .iter()
            .filter_map(|(address, secret)| Some(observe_one(scope, address, secret, secret.arn()?, secret.name()?)));
        Ok(try_join_all(calls).await?.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        self.attach(scope).await
    }

    async fn update(&self, _live: &Live<Self>, _changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        self.attach(scope).await
    }

    fn obstacles(&self, live: Option<&Live<Self>>) -> Vec<Obstacle> {
        let broken = live.filter(|live| live.spec.is_no_json).and_then(|live| live.spec.secret.as_value());
        let told = broken.map(|arn| Obstacle { reason: secret::no_json(arn), remedy: secret::MEND.to_owned() });
        told.into_iter().collect()
    }

    fn side_effect<'a>(&self, stays: &dyn Fn(&Address) -> Option<&'a Seen>) -> Option<String> {
        let (secret, cluster) = (self.secret.address()?, self.cluster.address()?);
        let there = stays(cluster)?;
        let kept = stays(secret).map(|secret| (secret.id.as_str(), secret.created));
        let restored = self.scheduled_secret.as_ref().map(|secret| (secret.arn.as_str(), Some(secret.created)));
        let fits = kept.or(restored).is_some_and(|(arn, created)| match cluster::password_of(&there.tags) {
            Some(mark) => mark == cluster::mark(arn),
            None => created <= there.created,
        });
        (!fits).then(|| {
            format!(
                "the master user of {cluster} gets the password in {secret}: where it has another one now, that ends"
            )
        })
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        let Some(arn) = live.spec.secret.as_value() else { return Ok(()) };
        // What cannot be read cannot be written without losing the rest of it; the tag is what has to go.
        if let Ok(Some(held)) = look(scope.aws, arn).await? {
            let mut content = held.content.clone();
            content.disconnect();
            version::store(scope.aws, arn, &held, &content).await?;
        }
        tags::retag_secretsmanager(scope.aws, arn, &Tags::new(), &[CLUSTER.to_owned(), STAMP.key()]).await
    }

    async fn retag(live: &Live<Self>, set: &Tags, _unset: &[String], scope: &Scope<'_>) -> Result<()> {
        let Some(arn) = live.spec.secret.as_value() else { return Ok(()) };
        let mut tags = STAMP.write(set);
        // Of a secret that was taken in as it should be, nothing has said so yet.
        tags.extend(live.spec.cluster.as_value().map(|cluster| (CLUSTER.to_owned(), cluster.to_owned())));
        tags::retag_secretsmanager(scope.aws, arn, &tags, &[]).await
    }
}

impl SecretAttachment {
    async fn attach(&self, scope: &Scope<'_>) -> Result<()> {
        let (arn, identifier) = (self.secret.get(scope)?, self.cluster.get(scope)?);
        let held = secret::read(scope.aws, &arn).await?;
        let mut content = held.content.clone();
        give_password(scope.aws, &arn, &identifier, &content).await?;
        let tag = Tags::from([(CLUSTER.to_owned(), identifier.clone())]);
        tags::retag_secretsmanager(scope.aws, &arn, &tag, &[]).await?;
        content.connect(&Connection {
            username: self.username.clone(),
            engine: self.engine.clone(),
            host: self.host.get(scope)?,
            port: self.port,
            dbname: self.dbname.clone(),
            cluster: identifier,
        });
        version::store(scope.aws, &arn, &held, &content).await
    }
}

/// Sees to it that the cluster has the secret's password. Where nothing is noted of its own, it has that unless the secret was
/// made after it.
async fn give_password(aws: &Clients, arn: &str, identifier: &str, content: &Content) -> Result<()> {
    let clusters = aws.rds.describe_db_clusters().db_cluster_identifier(identifier).send().await?;
    let Some(cluster) = clusters.db_clusters().first() else { return Ok(()) };
    if let Some(mark) = cluster::password_of(&tags::listed_by_rds(cluster.tag_list())) {
        return if mark == cluster::mark(arn) {
            Ok(())
        } else {
            cluster::set_password(aws, cluster, arn, content).await
        };
    }
    let secret = aws.secretsmanager.describe_secret().secret_id(arn).send().await?;
    let is_younger =
        matches!((secret.created_date(), cluster.cluster_create_time()), (Some(one), Some(other)) if one > other);
    match is_younger {
        true => cluster::set_password(aws, cluster, arn, content).await,
        false => cluster::note_password(aws, cluster, arn).await,
    }
}

async fn observe_one(
    scope: &Scope<'_>,
    address: &Address,
    secret: &DescribeSecretOutput,
    arn: &str,
    name: &str,
) -> Result<Option<Live<SecretAttachment>>> {
    let address = Address::new(SecretAttachment::KIND, address.name());
    let stamp = STAMP.read(&secret::tags_of(secret));
    let tagged = || secret.tags().iter().find(|tag| tag.key() == Some(CLUSTER))?.value();
    let content = match look(scope.aws, arn).await {
        Err(error) if secret::is_scheduled(&error) => return Ok(None),
        looked => looked?,
    };
    let content = match content {
        Ok(held) => held.map(|held| held.content),
        Err(why) => {
            let unread = tagged().and_then(|cluster| unread(scope, address, arn, name, cluster, &why));
            return Ok(unread.map(|live| live.tags(stamp)));
        }
    };
    let is_no_json = content.is_none();
    let left = |cluster| content.as_ref().map_or_else(|| Connection::lost(cluster), |content| content.remains(cluster));
    let Some(connection) = content.as_ref().and_then(Content::connection).or_else(|| tagged().map(left)) else {
        return Ok(None);
    };
    let clusters = cluster::listed(scope).await?;
    let cluster = clusters.iter().find(|cluster| cluster.db_cluster_identifier() == Some(&connection.cluster));
    let phase = phase(cluster);
    let attached = cluster.map(|cluster| tags::listed_by_rds(cluster.tag_list()));
    let noted = attached.as_ref().and_then(cluster::password_of);
    let spec = SecretAttachment {
        password_set: noted.is_none_or(|mark| mark == cluster::mark(arn)),
        secret: Ref::value(arn),
        cluster: Ref::value(connection.cluster),
        displaced_version: secret.version_ids_to_stages().and_then(version::displaced).map(str::to_owned),
        username: connection.username,
        engine: connection.engine,
        host: Ref::value(connection.host),
        port: connection.port,
        dbname: connection.dbname,
        scheduled_secret: None,
        is_no_json,
    };
    Ok(Some(Live::new(address, format!("{name}/connection"), spec).phase(phase).tags(stamp)))
}

/// A password does not let anybody in as long as the cluster is being given it. AWS does so at once and says so a little later:
/// until then the cluster is available, with the password as a change that is pending.
fn phase(cluster: Option<&DbCluster>) -> Phase {
    let pending = cluster.and_then(DbCluster::pending_modified_values).and_then(|one| one.master_user_password());
    match cluster.and_then(DbCluster::status) {
        Some(status @ "resetting-master-credentials") => Phase::Changing(status.to_owned()),
        _ if pending.is_some() => Phase::Awaited("the cluster does not have the password yet".to_owned()),
        _ => Phase::Ready,
    }
}

/// What a secret holds, if that is a JSON object; the inner error tells why nobody can say, for us or for now.
async fn look(aws: &Clients, arn: &str) -> Result<std::result::Result<Option<Held>, Error>> {
    let answer = aws.secretsmanager.get_secret_value().secret_id(arn).send().await;
    match unless_gone(answer) {
        Ok(answer) => Ok(Ok(answer.and_then(|answer| {
            Some(Held { content: Content::parse(answer.secret_string()?)?, version: answer.version_id })
        }))),
        Err(error) if error.class == Class::Denied || secret::is_locked(&error) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

/// Where nobody can look, nothing tells that it is not as described; only the cluster is in the tag as well.
fn unread(
    scope: &Scope<'_>,
    address: Address,
    arn: &str,
    name: &str,
    cluster: &str,
    why: &Error,
) -> Option<Live<SecretAttachment>> {
    let described = scope.described::<SecretAttachment>(&address)?;
    let (secret, cluster, host) = (Ref::value(arn), Ref::value(cluster), Ref::untold());
    let spec = SecretAttachment { secret, cluster, host, ..described.clone() };
    let notice = secret::is_locked(why).then(|| {
        format!(
            "The secret {name} cannot be decrypted, so neither the proxy nor the service gets a password from it: {} Enable \
             its key, and let its policy allow the use of it.",
            why.message
        )
    });
    Some(Live::new(address, format!("{name}/connection"), spec).notice(notice))
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::ClusterPendingModifiedValues;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_password_is_not_there_before_the_cluster_has_it() {
        let with = |status: &str, pending: Option<ClusterPendingModifiedValues>| {
            phase(Some(&DbCluster::builder().status(status).set_pending_modified_values(pending).build()))
        };
        let changing = Phase::Changing("resetting-master-credentials".to_owned());
        assert_eq!(with("resetting-master-credentials", None), changing);
        let password = || Some(ClusterPendingModifiedValues::builder().master_user_password("****").build());
        assert_eq!(with("resetting-master-credentials", password()), changing);
        for status in ["available", "modifying"] {
            assert!(matches!(with(status, password()), Phase::Awaited(_)), "{status}");
            let other = ClusterPendingModifiedValues::builder().engine_version("15.18").build();
            assert_eq!([with(status, None), with(status, Some(other))], [const { Phase::Ready }; 2], "{status}");
        }
        assert_eq!(phase(None), Phase::Ready);
    }

    #[test]
    fn what_a_secret_still_says_is_told_and_what_it_does_not_is_none() {
        let shown = |secret: &str| {
            let content = Content::parse(secret).unwrap();
            assert!(content.connection().is_none(), "{secret}");
            let connection = content.remains("shop-database");
            serde_json::to_value(SecretAttachment {
                secret: Ref::value("arn"),
                cluster: Ref::value(connection.cluster),
                username: connection.username,
                engine: connection.engine,
                host: Ref::value(connection.host),
                port: connection.port,
                dbname: connection.dbname,
                password_set: true,
                displaced_version: None,
                scheduled_secret: None,
                is_no_json: false,
            })
            .unwrap()
        };
        let by_hand = shown(r#"{"username": "app", "password": "x", "port": "5433"}"#);
        assert_eq!(
            by_hand,
            json!({"secret": "arn", "cluster": "shop-database", "username": "app", "engine": null, "host": null,
                   "port": 5433, "dbname": null, "password_set": true})
        );
        assert_eq!(shown(r#"{"password": "x"}"#)["username"], json!(null));
    }
}
