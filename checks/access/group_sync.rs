//! Whether the members of a group have roles of their own.

use crate::{
    check::{Check, Judge, Missing, Page, Problem, Severity},
    command::Command,
    evidence::Evidence,
    facts::{Topic, session::Session},
    text,
    verdict::{Actor, Finding, Fix, Verdict},
};

/// Group sync creates the roles of the members, if a member's role is asked about.
pub static CHECK: Check = Check {
    id: "access/group-sync",
    asserts: "group sync creates the roles of the members, if a member's own role is needed",
    needs: &[Topic::Session],
    problems: &[&GROUP_SYNC_OFF],
    decisive: false,
    judge: Judge::Once(judge),
};

fn judge(seen: &Evidence) -> Result<Verdict, Missing> {
    let session = seen.session.get()?;
    if !session.as_admin {
        return Ok(Verdict::NotApplicable("--as-admin was not given".to_owned()));
    }
    let Some(setting) = session.group_sync.as_deref().filter(|value| !value.is_empty()) else {
        return Ok(Verdict::NotApplicable(
            "the server has no setting pgaadauth.enable_group_sync".to_owned(),
        ));
    };
    let principals = session.principals.get()?;
    let groups: Vec<&String> = principals
        .iter()
        .filter(|principal| principal.kind == "group")
        .map(|principal| &principal.role)
        .collect();
    let on = ["on", "true", "1", "yes"].iter().any(|word| setting.eq_ignore_ascii_case(word));
    Ok(match member_without_role(session) {
        Some(name) if !on && !groups.is_empty() => Verdict::found(sync_off(name, &groups)),
        _ if groups.is_empty() => Verdict::Passed(format!(
            "pgaadauth.enable_group_sync is {setting}, and no role belongs to a group"
        )),
        _ if on => Verdict::Passed(format!(
            "pgaadauth.enable_group_sync is {setting}: members of {} get roles of their own \
                every 30 minutes",
            text::list(&groups, 3)
        )),
        _ => Verdict::Passed(format!(
            "pgaadauth.enable_group_sync is {setting}: members log in with the name of their \
                group: {}",
            text::list(&groups, 3)
        )),
    })
}

/// The person of `--for-role`, if there is no Entra role of that name.
fn member_without_role(session: &Session) -> Option<&str> {
    let name = session.for_role.as_deref().filter(|name| name.contains('@'))?;
    let principals = session.principals.seen()?;
    (!principals.iter().any(|principal| principal.role == name)).then_some(name)
}

fn sync_off(name: &str, groups: &[&String]) -> Finding {
    let detail = format!(
        "group sync is off: members of {} have no roles of their own",
        text::list(groups, 3)
    );
    Finding::of(&GROUP_SYNC_OFF, name, detail)
        .because("pgaadauth.enable_group_sync is off, which is the default")
        .because(format!("whether \"{name}\" is a member is not known here"))
        .fix(
            Fix::you(
                "If this person is a member of such a group, log in with the name of the group \
                    and the person's own token",
            )
            .run_if(groups.first().map(|group| Command::set("PGUSER", group.as_str()))),
        )
        .fix(
            Fix::by(
                Actor::AzureOwner,
                "Or switch group sync on, which creates a role for each member within 30 minutes",
            )
            .run(Command::new(
                "az postgres flexible-server parameter set -g $RG -s $SERVER -n \
                 pgaadauth.enable_group_sync -v on",
            )),
        )
}

/// Members have no roles of their own.
pub static GROUP_SYNC_OFF: Problem = Problem {
    id: "access/group-sync-off",
    title: "group sync is off, so members of a group have no roles of their own",
    severity: Severity::Info,
    page: Page {
        means: "A role of a group lets every member log in with the name of the group. Members \
            have roles with their own names only if the server parameter \
            pgaadauth.enable_group_sync is on. It is off by default.",
        causes: &[
            "the group was mapped, and the parameter kept its default",
            "the member was added to the group less than 30 minutes ago (with group sync on)",
            "the group was renamed: new names are not synchronized",
        ],
        confirm: &[
            "`show pgaadauth.enable_group_sync;`",
            "`az postgres flexible-server parameter show -g $RG -s $SERVER -n \
                pgaadauth.enable_group_sync --query value -o tsv`",
        ],
        fix: &[
            (Actor::You, "log in with the name of the group and your own token"),
            (
                Actor::AzureOwner,
                "switch group sync on: `az postgres flexible-server parameter set -g $RG -s \
                    $SERVER -n pgaadauth.enable_group_sync -v on`",
            ),
            (
                Actor::DatabaseAdmin,
                "with group sync on, create the roles now: `select * from \
                    pgaadauth_sync_roles_for_group_members();`. Do not drop \
                    the role of the group: group sync needs it",
            ),
        ],
        mistaken_for: &[
            "login/not-in-group: there the name of the group is used and the token's principal \
                is not a member",
            "login/role-cannot-log-in: there the login with the name of the group was switched \
                off",
        ],
        sources: &["Microsoft Learn: Microsoft Entra groups, group sync"],
    },
    ..Problem::DEFAULT
};
