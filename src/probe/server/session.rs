//! The session after login: one short transaction that only reads. Its questions are asked one
//! behind the other without waiting, so that all of them together cost one round trip.

use crate::{probe::context::Context, settings::request::Request};
use entra_pg_checks::{
    Fact, NotObserved, Topic,
    facts::session::{Label, Principal, Session},
};
use futures::join;
use tokio::time::timeout;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

/// Inspects the session. Nothing is written; every answer is bounded.
pub(super) async fn look_around(cx: &Context, request: &Request, client: &Client) -> Fact<Session> {
    // The server gives up before we do, and says so.
    let milliseconds = cx.timeout().as_millis() / 2;
    let begin = format!(
        "begin transaction read only; set local statement_timeout = {milliseconds}; \
         {LOOK}; savepoint look"
    );
    let user = request.settings.user.as_ref().map_or("", |user| user.value.as_str());
    let work = timeout(cx.timeout(), client.simple_query(&begin));
    let looked = cx.step(Topic::Session, user, "read session facts", work);
    let (looked, labels, admin) = join!(looked, labels(cx, client), as_admin(cx, request, client));
    let messages = match looked {
        Ok(Ok(messages)) => messages,
        Ok(Err(error)) => {
            let detail = match error.as_db_error() {
                Some(refused) => refused.message().to_owned(),
                None => error.to_string(),
            };
            return Fact::NotObserved(NotObserved::NotPermitted { detail });
        }
        Err(_) => {
            return Fact::NotObserved(NotObserved::OutOfTime { after_ms: cx.elapsed_ms() });
        }
    };
    let mut session = read(&messages);
    session.labels = labels;
    session.as_admin = request.as_admin;
    session.for_role.clone_from(&request.for_role);
    if let Some((principals, unlabelled)) = admin {
        session.principals = principals;
        session.unlabelled = unlabelled;
    }
    Fact::Seen(session)
}

async fn as_admin(
    cx: &Context,
    request: &Request,
    client: &Client,
) -> Option<(Fact<Vec<Principal>>, Fact<Vec<String>>)> {
    if request.as_admin {
        let (labeled, listed, others) =
            join!(labeled(cx, client), listed(cx, client), unlabelled(cx, client));
        Some((mapping(labeled, listed), others))
    } else {
        None
    }
}

const LOOK: &str = "\
select session_user, current_database(), \
       current_setting('transaction_read_only') = 'on' and pg_is_in_recovery(), \
       current_setting('default_transaction_read_only') = 'on' or pg_is_in_recovery(), \
       pg_is_in_recovery(), \
       (select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user), \
       exists (select from pg_proc where proname = 'pgaadauth_create_principal'), \
       current_setting('pgaadauth.enable_group_sync', true), \
       (select coalesce(string_agg(rolname, chr(10)), '') from (select rolname from pg_roles \
         where pg_has_role(current_user, oid, 'member') and rolname <> current_user \
         order by 1 limit 200) as roles)";

const LABELS: &str = "\
select l.provider, l.label from pg_shseclabel l join pg_roles r on r.oid = l.objoid \
where l.classoid = 'pg_authid'::regclass and r.rolname = current_user limit 10";

/// The labels of every role. They are shared by all databases.
const LABELED: &str = "\
select r.rolname, l.provider, l.label from pg_shseclabel l join pg_roles r on r.oid = l.objoid \
where l.classoid = 'pg_authid'::regclass and l.provider like 'pgaadauth%' order by 1, 2 limit 10000";

const PRINCIPALS: &str = "select * from pgaadauth_list_principals(false) limit 5000";

/// Azure's own roles are left out.
const UNLABELLED: &str = "\
select rolname from pg_roles r where rolcanlogin and not exists (select from pg_shseclabel l \
where l.objoid = r.oid and l.provider like 'pgaadauth%') and rolname !~ '^(azure|pg_|replication$)' \
order by 1 limit 5000";

fn read(messages: &[SimpleQueryMessage]) -> Session {
    let Some(row) = rows(messages).next() else {
        return Session::default();
    };
    let yes = |index| row.get(index) == Some("t");
    let member_of: Vec<String> =
        text(row, 8).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    Session {
        session_user: text(row, 0),
        database: text(row, 1),
        read_only: yes(2) || yes(3),
        in_recovery: yes(4),
        is_administrator: yes(5) || member_of.iter().any(|role| role == "azure_pg_admin"),
        entra_functions: Some(yes(6)),
        group_sync: row.get(7).map(|value| value.chars().take(16).collect()),
        member_of,
        ..Session::default()
    }
}

async fn labels(cx: &Context, client: &Client) -> Fact<Vec<Label>> {
    let label = |row: &SimpleQueryRow| Label { provider: text(row, 0), label: text(row, 1) };
    ask(cx, client, "labels", LABELS, label).await
}

async fn labeled(cx: &Context, client: &Client) -> Fact<Vec<(String, String)>> {
    let label = |row: &SimpleQueryRow| (text(row, 0), text(row, 2));
    ask(cx, client, "labels of all roles", LABELED, label).await
}

/// By position: the documentation and the live servers disagree on a column's name.
async fn listed(cx: &Context, client: &Client) -> Fact<Vec<Principal>> {
    let principal = |row: &SimpleQueryRow| Principal {
        role: text(row, 0),
        kind: text(row, 1),
        object_id: text(row, 2),
        tenant_id: text(row, 3),
        mfa: matches!(row.get(4), Some("1" | "t")),
        admin: matches!(row.get(5), Some("1" | "t")),
    };
    ask(cx, client, "principals", PRINCIPALS, principal).await
}

/// The labels, with what the function adds where it exists (in database postgres) and may be called.
fn mapping(
    labeled: Fact<Vec<(String, String)>>,
    listed: Fact<Vec<Principal>>,
) -> Fact<Vec<Principal>> {
    let Fact::Seen(labeled) = labeled else { return listed };
    let mut principals: Vec<Principal> = Vec::new();
    for (role, label) in labeled {
        match principals.last_mut().filter(|last| last.role == role) {
            Some(last) => last.read(&label),
            None => {
                let mut principal = Principal { role, ..Principal::default() };
                principal.read(&label);
                principals.push(principal);
            }
        }
    }
    for listed in listed.seen().into_iter().flatten() {
        match principals.iter_mut().find(|principal| principal.role == listed.role) {
            Some(known) => known.clone_from(listed),
            None => principals.push(listed.clone()),
        }
    }
    Fact::Seen(principals)
}

async fn unlabelled(cx: &Context, client: &Client) -> Fact<Vec<String>> {
    ask(cx, client, "unlabelled roles", UNLABELLED, |row: &SimpleQueryRow| text(row, 0)).await
}

async fn ask<T>(
    cx: &Context,
    client: &Client,
    label: &str,
    query: &str,
    read: impl Fn(&SimpleQueryRow) -> T,
) -> Fact<Vec<T>> {
    // A refusal must not end the transaction for what is asked after it.
    let guarded = format!("rollback to savepoint look; {query}");
    let work = timeout(cx.timeout(), client.simple_query(&guarded));
    let answered = cx.step(Topic::Session, "", label, work).await;
    match answered {
        Ok(Ok(messages)) => Fact::Seen(rows(&messages).map(read).collect()),
        Ok(Err(error)) => {
            let detail = match error.as_db_error() {
                Some(refused) => refused.message().chars().take(300).collect(),
                None => error.to_string(),
            };
            Fact::NotObserved(NotObserved::NotPermitted { detail })
        }
        Err(_) => Fact::NotObserved(NotObserved::OutOfTime { after_ms: cx.elapsed_ms() }),
    }
}

fn rows(messages: &[SimpleQueryMessage]) -> impl Iterator<Item = &SimpleQueryRow> {
    messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    })
}

fn text(row: &SimpleQueryRow, index: usize) -> String {
    row.try_get(index).ok().flatten().unwrap_or_default().chars().take(4096).collect()
}
