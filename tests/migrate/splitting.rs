//! Statements end where PostgreSQL says that they end: generated texts, counted by both.

use infra::migrate::sql::statements;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tokio_postgres::SimpleQueryMessage;

use super::server::{Database, PASSWORD, Way, servers};

/// Whole statements, each with something that could be taken for an end, or hide one.
const STATEMENTS: [&str; 24] = [
    "select 1",
    "select 'a;b''c;'",
    r"select 'a\'",
    r"select E'a\';b'",
    "select E'a'\n'b\\';c'",
    "select E'a' -- ; '\n  -- \\' \n\t'b\\';c'",
    "select 'a'\r\n'b;\\'",
    r#"select U&'\0061;' as "x;""y""#,
    "select $$;'$$, $a$ $$ ; $a$",
    "select 1 /* ; /* ' */ ; */ -- ; '\n + 1",
    "create function pg_temp.f1(begin int) returns int language sql as $$select 1; select 2$$",
    "create function pg_temp.begin() returns int language sql as 'select 1;'",
    "create or replace function pg_temp.f2() returns int begin atomic select 1; select case when true then 1 end; end",
    "create function pg_temp.f3() returns int language sql begin atomic select 1 as \"end\"; select 2 as end; end",
    "create procedure pg_temp.p1() begin atomic end",
    "create function pg_temp.f4(x int default (case when true then 1 else 2 end)) returns int return x + 1",
    "do $x$ begin perform 1; end; $x$",
    "create temp table begin (\"end\" int, atomic int)",
    "create temp table t1 (i int); create rule r1 as on insert to t1 do also (select 1; select 2)",
    "select b'1', x'ff', n'a;', 1e5, 1.5",
    "select 1 as é, 'ü;' as \"ß;\"",
    "",
    "-- only; a comment\n",
    "/* only; a comment */",
];

#[tokio::test]
async fn as_the_server_does() {
    let database = Database::new(Way::Direct);
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(servers().postgres).user("postgres").password(PASSWORD).dbname(&database.name);
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut random = StdRng::seed_from_u64(1);
    let mut understood = 0;
    for _ in 0..400 {
        let count = random.random_range(1..6);
        let parts: Vec<&str> = (0..count).map(|_| *STATEMENTS.choose(&mut random).unwrap()).collect();
        let sql = parts.join(*["; ", ";\n", " ;-- c\n;", ";/**/"].choose(&mut random).unwrap());
        client.batch_execute("BEGIN").await.unwrap();
        if let Ok(answer) = client.simple_query(&sql).await {
            let done = |message: &&SimpleQueryMessage| matches!(message, SimpleQueryMessage::CommandComplete(_));
            let complete = answer.iter().filter(done).count();
            // A text without any statement is answered as an empty query.
            let expected = statements(&sql).count().max(1);
            assert_eq!(expected, complete, "{sql}");
            understood += 1;
        }
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    assert!(understood > 250, "PostgreSQL understood {understood} only");
}
