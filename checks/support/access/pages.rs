//! What an administrator or an application sees after the login. No check can observe it, so only `explain` knows these pages.

use crate::{
    check::{Fragment, Page, Problem, Waiting},
    verdict::Actor,
};

/// The server could not look up the principal in Microsoft Entra ID.
pub static PRINCIPAL_LOOKUP_FAILED: Problem = Problem {
    id: "access/principal-lookup-failed",
    title: "the server could not look up the principal in Microsoft Entra ID",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("while trying to validate user", 92),
        Fragment::new("while trying to validate the user", 90),
        Fragment::new("0lp01", 90),
        Fragment::new("an unexpected error occured while processing the request. tracking id", 88),
        Fragment::new("an unexpected error occurred while processing the request. tracking id", 88),
        Fragment::new("aadauthprincipalcreationfailed", 64),
        Fragment::new("failed to create microsoft entra principal", 64),
        Fragment::new("failed to create azure ad principal", 64),
    ],
    page: Page {
        means: "The login works. While it created or changed an Entra role, the server failed to \
            look up the name in Microsoft Graph (SQLSTATE 0LP01), or Azure reported an internal \
            error for the same step.",
        causes: &[
            "the server's subnet cannot reach Microsoft Entra ID and Microsoft Graph on TCP 443",
            "the tenant has no service principal for the Graph client of the service \
                (azure/graph-principal-missing)",
            "the role is created with the Single Server recipe (access/single-server-recipe)",
            "a temporary failure of Microsoft Graph",
        ],
        confirm: &["`select * from pgaadauth_list_principals(false);` works, \
            and creating a role by its object ID works too"],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "create the role by object ID, which needs no search by name: `select * from pgaadauth_create_principal_with_oid('<role>', '<object-id>', 'service', false, false);`",
            ),
            (
                Actor::Network,
                "allow outbound TCP 443 from the server's subnet to the service tag \
                    AzureActiveDirectory",
            ),
            (
                Actor::AzureOwner,
                "retry after some minutes; if it lasts, open a support request with the tracking \
                    ID",
            ),
        ],
        mistaken_for: &["access/principal-not-found: there the lookup works, and the name does \
            not exist"],
        sources: &[
            "https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users",
            "https://github.com/MicrosoftDocs/azure-docs/issues/121503",
        ],
    },
    ..Problem::DEFAULT
};

/// A role for this principal exists already.
pub static PRINCIPAL_EXISTS: Problem = Problem {
    id: "access/principal-exists",
    title: "a role for this principal exists already",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("updating an existing principal isn't supported", 94),
        Fragment::new("updating an existing principal is not supported", 94),
        Fragment::new("principal already exists", 86),
        Fragment::new("role … already exists", 72),
        Fragment::new("42710:", 92),
        Fragment::new("(42710)", 92),
        Fragment::new("code: 42710", 90),
    ],
    page: Page {
        means: "The login works. The server refuses to create an Entra role, because a role of \
            this name, or a server-level administrator with the same object ID, exists already \
            (SQLSTATE 42710).",
        causes: &[
            "the principal is already a Microsoft Entra administrator of the server",
            "an earlier run of the same deployment created the role",
            "a PostgreSQL role without Entra mapping has the same name",
        ],
        confirm: &[
            "`select * from pgaadauth_list_principals(false);`",
            "`az postgres flexible-server microsoft-entra-admin list -g $RG -s \
                $SERVER`",
        ],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "keep the existing role if its object ID is right; to map an existing role: \
                    `security label for \"pgaadauth\" on role \"<role>\" is 'aadauth,oid=<object-id>,type=service';`",
            ),
            (
                Actor::DatabaseAdmin,
                "otherwise drop the role and create it again: `drop role \"<role>\";`",
            ),
            (
                Actor::AzureOwner,
                "if the principal is a server administrator, remove it there before you create \
                    an ordinary role for it",
            ),
        ],
        mistaken_for: &["access/principal-not-unique: there Microsoft Entra ID has several \
            principals of this name"],
        sources: &[
            "https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users",
            "https://github.com/Azure/ARO-HCP/issues/5833",
        ],
    },
    ..Problem::DEFAULT
};

/// Microsoft Entra ID has no principal of this name in the tenant.
pub static PRINCIPAL_NOT_FOUND: Problem = Problem {
    id: "access/principal-not-found",
    title: "Microsoft Entra ID has no principal of this name in the tenant",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("isn't found in the tenant", 93),
        Fragment::new("name is not found in the tenant", 93),
        Fragment::new("name isn't found", 92),
        Fragment::new("cannot find … principal … in the tenant", 90),
        Fragment::new("could not validate aad user", 72),
        Fragment::new("could not validate microsoft entra user", 72),
        Fragment::new("cannot validate microsoft entra", 72),
        Fragment::new("principal with oid … was not found", 90),
        Fragment::new("principal with object id … was not found", 90),
    ],
    page: Page {
        means: "The login works. The name given to pgaadauth_create_principal is not the display \
            name or user principal name of a principal in the server's tenant.",
        causes: &[
            "an application ID or object ID was given instead of the name",
            "the name has a typing error, or another letter case than in Microsoft Entra ID",
            "the principal is in another tenant, or is a guest whose name ends in #EXT#@<tenant>",
            "the identity was created a minute ago",
        ],
        confirm: &[
            "`az ad sp list --display-name $DISPLAY_NAME --query \"[].{name:displayName,id:id}\"`",
            "`az ad user show --id $USER_NAME --query userPrincipalName`",
        ],
        fix: &[(
            Actor::DatabaseAdmin,
            "use the exact display name, or create the role by object \
            ID: `select * from pgaadauth_create_principal_with_oid('<role>', '<object-id>', 'service', false, false);`",
        )],
        mistaken_for: &["access/principal-lookup-failed: there the lookup itself fails"],
        sources: &["\
            https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users"],
    },
    ..Problem::DEFAULT
};

/// Several principals in the tenant have this name.
pub static PRINCIPAL_NOT_UNIQUE: Problem = Problem {
    id: "access/principal-not-unique",
    title: "several principals in the tenant have this name",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("name isn't unique", 95),
        Fragment::new("name is not unique", 95),
        Fragment::new("isn't unique in the tenant", 94),
    ],
    page: Page {
        means: "The login works. The server cannot choose a principal, because Microsoft Entra \
            ID has more than one with this display name.",
        causes: &[
            "an application and its managed identity have the same name",
            "an old application of the same name was not deleted",
        ],
        confirm: &[
            "`az ad sp list --display-name $DISPLAY_NAME --query \"[].{id:id,type:servicePrincipalType}\"`",
        ],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "create the role by object ID: `select * from pgaadauth_create_principal_with_oid('<role>', '<object-id>', 'service', false, false);`",
            ),
            (Actor::EntraAdmin, "or rename or delete the other principal"),
        ],
        mistaken_for: &["access/principal-exists: there the role exists in PostgreSQL"],
        sources: &["\
            https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users"],
    },
    ..Problem::DEFAULT
};

/// The object type does not fit the principal.
pub static PRINCIPAL_TYPE_MISMATCH: Problem = Problem {
    id: "access/principal-type-mismatch",
    title: "the object type does not fit the principal",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("incorrect object type provided for principal", 95),
        Fragment::new("actual object type", 92),
    ],
    page: Page {
        means: "The login works. pgaadauth_create_principal_with_oid was called with an object \
            type that is not the type of the principal, or with its arguments in the wrong \
            order. The type is 'user', 'group' or 'service'.",
        causes: &[
            "the arguments are in the wrong order: role name, object ID, object type, isAdmin, \
                isMfa",
            "a managed identity or application was given as 'user'",
        ],
        confirm: &["`az ad sp show --id $OBJECT_ID` finds applications and managed identities, \
            `az ad user show --id $OBJECT_ID` finds users"],
        fix: &[(
            Actor::DatabaseAdmin,
            "`select * from pgaadauth_create_principal_with_oid('<role>', '<object-id>', 'service', false, false);`, with 'user' or 'group' for these",
        )],
        mistaken_for: &["login/user-role-app-token: there the role exists with the wrong type"],
        sources: &["\
            https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users"],
    },
    ..Problem::DEFAULT
};

/// The role cannot be dropped because objects depend on it.
pub static ROLE_OWNS_OBJECTS: Problem = Problem {
    id: "access/role-owns-objects",
    title: "the role cannot be dropped because objects depend on it",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("because some objects depend on it", 93),
        Fragment::new("aadauthprincipaldropfailed", 92),
        Fragment::new("2bp01", 92),
        Fragment::new("privileges for … owner of", 80),
    ],
    page: Page {
        means: "The login works. The role owns objects or has privileges in some database, so \
            PostgreSQL does not drop it (SQLSTATE 2BP01).",
        causes: &["the role owns tables or schemas", "the role has privileges in another database"],
        confirm: &["`select * from pg_shdepend where refobjid = '\"<role>\"'::regrole;`"],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "in every database: `reassign owned by \"<role>\" to \"<other>\"; drop owned by \
                    \"<role>\";`, then `drop role \"<role>\";`",
            ),
            (
                Actor::DatabaseAdmin,
                "to bind the role to a new identity, change its security label instead of \
                    dropping it (login/object-id-mismatch)",
            ),
        ],
        mistaken_for: &["access/privilege-missing: `reassign owned` needs membership in both \
            roles"],
        sources: &["https://www.postgresql.org/docs/current/role-removal.html"],
    },
    ..Problem::DEFAULT
};

/// Only a Microsoft Entra administrator may manage Entra roles.
pub static NOT_AN_ENTRA_ADMIN: Problem = Problem {
    id: "access/not-an-entra-admin",
    title: "only a Microsoft Entra administrator may manage Entra roles",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("permission denied for function pgaadauth", 95),
        Fragment::new("permission denied for function pg_catalog.pgaadauth", 94),
        Fragment::new("must be … microsoft entra admin", 93),
        Fragment::new("only … entra admin", 92),
        Fragment::new("permission denied for security label … pgaadauth", 90),
    ],
    page: Page {
        means: "The login works. The functions pgaadauth_* exist, and this role may not call \
            them: only a Microsoft Entra administrator of the server may. The PostgreSQL \
            administrator of the server cannot create Entra roles.",
        causes: &[
            "the session belongs to the PostgreSQL administrator (password), not to an \
            Entra administrator",
            "the role is an ordinary Entra role",
        ],
        confirm: &[
            "`az postgres flexible-server microsoft-entra-admin list -g $RG \
            -s $SERVER`",
            "`select current_user;`",
        ],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "log in as a Microsoft Entra administrator, in database postgres",
            ),
            (
                Actor::AzureOwner,
                "or make this principal an administrator: `az postgres flexible-server microsoft-entra-admin create -g $RG -s $SERVER -u $DISPLAY_NAME -i $OBJECT_ID`",
            ),
        ],
        mistaken_for: &["access/entra-functions-missing: there the functions do not exist"],
        sources: &[
            "https://learn.microsoft.com/azure/postgresql/security/security-entra-concepts",
            "https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users",
        ],
    },
    ..Problem::DEFAULT
};

/// The login works, but the role lacks a privilege.
pub static PRIVILEGE_MISSING: Problem = Problem {
    id: "access/privilege-missing",
    title: "the login works, but the role lacks a privilege",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("only members of \"azure_pg_admin\"", 93),
        Fragment::new("is not allow-listed for", 93),
        Fragment::new("must be owner of", 92),
        Fragment::new("permission denied for schema", 90),
        Fragment::new("permission denied for table", 90),
        Fragment::new("permission denied for relation", 90),
        Fragment::new("permission denied for sequence", 90),
        Fragment::new("permission denied for view", 90),
        Fragment::new("permission denied for materialized view", 90),
        Fragment::new("permission denied for function", 90),
        Fragment::new("permission denied for procedure", 90),
        Fragment::new("permission denied for type", 90),
        Fragment::new("permission denied for language", 90),
        Fragment::new("permission denied for tablespace", 90),
        Fragment::new("permission denied for large object", 90),
        Fragment::new("permission denied for foreign", 90),
        Fragment::new("permission denied for column", 90),
        Fragment::new("permission denied to", 90),
        Fragment::new("must be superuser", 90),
        Fragment::new("only superusers can", 90),
        Fragment::new("must be able to set role", 90),
        Fragment::new("must be member of role", 90),
        Fragment::new("must have admin option", 90),
        Fragment::new("only roles with the", 90),
        Fragment::new("no schema has been selected to create in", 88),
        Fragment::new("row-level security policy", 88),
        Fragment::new("insufficientprivilege", 72),
        Fragment::new("permission denied for", 70),
        Fragment::new("42501:", 72),
        Fragment::new("(42501)", 72),
        Fragment::new("sqlstate 42501", 72),
        Fragment::new("code: 42501", 72),
    ],
    page: Page {
        means: "The login works: the token was accepted. The role has no privilege for this \
            statement (SQLSTATE 42501), or the statement needs azure_pg_admin or the owner of \
            the object. Nothing about the token or the network is wrong.",
        causes: &[
            "no GRANT on the schema, table or sequence; since PostgreSQL 15 only the owner of \
                the database may create objects in schema public",
            "the objects belong to the role of an earlier deployment",
            "CREATE EXTENSION needs azure_pg_admin, and the extension must be in the parameter \
                azure.extensions",
            "Azure has no superuser: statements that need one are refused",
        ],
        confirm: &[
            "`select current_user, has_schema_privilege(current_user, 'public', 'create');`",
            "`\\dp <table>` in psql",
        ],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "`grant usage, create on schema public to \"<role>\"; grant select, insert, \
                    update, delete on all tables in schema public to \"<role>\";`",
            ),
            (
                Actor::DatabaseAdmin,
                "for later tables: `alter default privileges in schema public grant select, insert, update, delete on tables to \"<role>\";`",
            ),
            (
                Actor::AzureOwner,
                "for extensions: `az postgres flexible-server parameter set -g $RG -s $SERVER -n azure.extensions -v $EXTENSION`",
            ),
        ],
        mistaken_for: &[
            "login/refused: there the server refuses the login itself",
            "access/no-connect-privilege: there the privilege CONNECT on the database is missing",
        ],
        sources: &[
            "https://www.postgresql.org/docs/current/ddl-priv.html",
            "https://learn.microsoft.com/azure/postgresql/security/security-access-control",
        ],
    },
    ..Problem::DEFAULT
};

/// The role may not replicate.
pub static REPLICATION_MISSING: Problem = Problem {
    id: "access/replication-missing",
    title: "the role may not replicate",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("must be superuser or replication role", 96),
        Fragment::new("no pg_hba.conf entry for replication connection", 95),
        Fragment::new("replication role to", 94),
        Fragment::new("must have replication", 94),
        Fragment::new("permission denied to start wal sender", 94),
        Fragment::new("permission denied to use replication slots", 94),
        Fragment::new("only roles with the replication attribute", 92),
        Fragment::new("requires replication", 92),
    ],
    page: Page {
        means: "The connection asks for replication, and the role lacks the attribute \
            REPLICATION. Users report that Azure does not accept tokens on replication \
            connections, which Microsoft does not document: use a role with a password for \
            replication.",
        causes: &[
            "a change data capture connector (Debezium, Airbyte, Datastream) uses an Entra \
            role",
            "ALTER ROLE … REPLICATION was not run",
        ],
        confirm: &[
            "`select rolreplication from pg_roles where rolname = current_user;`",
            "`show wal_level;` is logical",
        ],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "create a PostgreSQL role with a password for the connector: `create role \"<role>\" login replication password '<password>';`",
            ),
            (
                Actor::DatabaseAdmin,
                "for logical decoding over an ordinary connection: `alter role \"<role>\" replication;`",
            ),
            (Actor::AzureOwner, "set the server parameter wal_level to logical"),
        ],
        mistaken_for: &["access/privilege-missing: there an ordinary statement is refused"],
        sources: &[
            "https://learn.microsoft.com/azure/postgresql/configure-maintain/concepts-logical",
            "https://github.com/firezone/firezone/issues/14045",
        ],
    },
    ..Problem::DEFAULT
};

/// The SQL is a recipe for Single Server.
pub static SINGLE_SERVER_RECIPE: Problem = Problem {
    id: "access/single-server-recipe",
    title: "the SQL is a recipe for Single Server",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("role \"azure_ad_user\" does not exist", 94),
        Fragment::new("aad_validate_oids_in_tenant", 93),
        Fragment::new("azure_ad_user", 86),
        Fragment::new("azure_ad_admin", 86),
    ],
    page: Page {
        means: "The login works. The role azure_ad_user and the setting \
            aad_validate_oids_in_tenant existed on Azure Database for PostgreSQL Single Server. \
            Flexible server creates Entra roles with functions in database postgres.",
        causes: &["a tutorial, module or provider written for Single Server"],
        confirm: &["`select proname from pg_proc where proname like 'pgaadauth%';`"],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "replace CREATE ROLE … IN ROLE azure_ad_user with `select * from pgaadauth_create_principal('<name>', false, false);`",
            ),
            (
                Actor::DatabaseAdmin,
                "replace SET aad_validate_oids_in_tenant with `select * from pgaadauth_create_principal_with_oid('<role>', '<object-id>', 'service', false, false);`",
            ),
        ],
        mistaken_for: &["access/entra-functions-missing"],
        sources: &[
            "https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users",
            "https://github.com/MicrosoftDocs/azure-docs/issues/119768",
        ],
    },
    ..Problem::DEFAULT
};

/// The principal of a role was deleted.
pub static PRINCIPAL_DELETED: Problem = Problem {
    id: "access/principal-deleted",
    title: "the principal of the role was deleted from Microsoft Entra ID",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("has been deleted from the … directory", 80),
        Fragment::new("account has been deleted", 74),
    ],
    page: Page {
        means: "A principal that is deleted from Microsoft Entra ID gets no new tokens, and its \
            role stays in the database. Tokens that it already has are valid until they expire, \
            up to 60 minutes after they were issued. A new principal of the same name has another \
            object ID and cannot use the role.",
        causes: &[
            "the person left, or the application or managed identity was deleted and created again",
            "a deployment replaced the managed identity",
        ],
        confirm: &[
            "`select * from pgaadauth_list_principals(false);` shows the \
                object ID of the role",
            "`az ad user show --id $OBJECT_ID` or `az ad sp show --id $OBJECT_ID` does not find it",
        ],
        fix: &[
            (
                Actor::DatabaseAdmin,
                "to end the access at once, drop the role: `drop role \"<role>\";`, after its \
                    objects have a new owner (access/role-owns-objects)",
            ),
            (
                Actor::DatabaseAdmin,
                "to let the new principal use the role, change the security label \
                    (login/object-id-mismatch)",
            ),
        ],
        mistaken_for: &["login/object-id-mismatch: there a new principal of the same name logs in"],
        sources: &["Microsoft Learn: Microsoft Entra authentication concepts, deleted principals"],
    },
    ..Problem::DEFAULT
};

/// A statement that only the coordinator of an elastic cluster accepts.
pub static ELASTIC_CLUSTER_NODE: Problem = Problem {
    id: "access/elastic-cluster-node",
    title: "this node of an elastic cluster does not accept the statement",
    waiting: Waiting::Useless,
    fragments: &[
        Fragment::new("operation is not allowed on this node", 92),
        Fragment::new("connect to the coordinator and run it again", 92),
    ],
    page: Page {
        means: "The login works. Ports 7432 and 8432 of an elastic cluster lead to any node: 7432 \
            to PostgreSQL, 8432 to PgBouncer. Statements that change the schema or the cluster \
            run only on the coordinator, which is on port 5432 (PgBouncer: 6432).",
        causes: &["the connection uses port 7432 or 8432"],
        confirm: &["`select citus_is_coordinator();`"],
        fix: &[(Actor::You, "use port 5432 for migrations and for pgaadauth functions")],
        mistaken_for: &["access/read-only: there the server is a replica or its storage is full"],
        sources: &["Microsoft Learn: Elastic clusters in Azure Database for PostgreSQL"],
    },
    ..Problem::DEFAULT
};

/// The pages.
pub const PAGES: &[&Problem] = &[
    &PRINCIPAL_LOOKUP_FAILED,
    &PRINCIPAL_EXISTS,
    &PRINCIPAL_NOT_FOUND,
    &PRINCIPAL_NOT_UNIQUE,
    &PRINCIPAL_TYPE_MISMATCH,
    &ROLE_OWNS_OBJECTS,
    &NOT_AN_ENTRA_ADMIN,
    &PRIVILEGE_MISSING,
    &REPLICATION_MISSING,
    &SINGLE_SERVER_RECIPE,
    &PRINCIPAL_DELETED,
    &ELASTIC_CLUSTER_NODE,
];
