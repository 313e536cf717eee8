//! Guides: how to run the doctor where the fault is, step by step, and what each step proves. The commands
//! read the server and the user from PGHOST, PGUSER and PGDATABASE.

use entra_pg_checks::{
    Family, Problem, access,
    azure::{self, administrators::NO_ENTRA_ADMINISTRATOR},
    dns::{
        address_class::{PRIVATE_ANSWER, PUBLIC_ANSWER},
        resolution::NXDOMAIN,
    },
    login, name, outbound, server,
    support::token::refusal::{ASSERTION_EXPIRED, FEDERATION_MISMATCH},
};

/// A guide.
pub(super) struct Guide {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) means: &'static str,
    pub(super) steps: &'static [Step],
    /// Families whose problems' pages name this guide.
    pub(super) families: &'static [&'static Family],
    /// Other problems whose pages name this guide.
    pub(super) problems: &'static [&'static Problem],
    /// Other guides.
    pub(super) related: &'static [&'static str],
    pub(super) sources: &'static [&'static str],
}

/// A step of a guide.
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) text: &'static str,
    /// Commands, one per line; empty if there is nothing to type.
    pub(super) command: &'static str,
    /// What is known after the step.
    pub(super) proves: &'static str,
}

/// Every guide.
pub(super) static GUIDES: &[Guide] = &[PRIVATE_NETWORK, CI, GO_LIVE, FIRST_LOGIN];

const PRIVATE_NETWORK: Guide = Guide {
    id: "guide/private-network",
    title: "Find the fault inside private networks",
    means: "A login depends on two networks: that of the client and that of the server. A run on a \
        laptop tests neither of them. Run `entra-pg` where the workload runs, run it again in a subnet \
        with the NSG and the route table of the server's subnet, export the Azure configuration, and \
        combine the three. Choose one of the steps 2 to 7 for each network. PGHOST, PGUSER and \
        PGDATABASE are set as for psql.",
    steps: &[
        Step {
            title: "Bring the program in",
            text: "A release has one static program for every Linux and an image with nothing else in \
                it. Verify the checksum before the file goes into the network. Import the image into a \
                registry with a private endpoint, or put the program into a storage account with a \
                private endpoint.",
            command: "sha256sum --check --ignore-missing SHA256SUMS\n\
                az acr import --name REGISTRY --source SOURCE/entra-pg:TAG --image entra-pg:TAG",
            proves: "The file is the released one, and the network can reach it without internet access.",
        },
        Step {
            title: "Virtual machine or jump box",
            text: "With Bastion, copy the program with scp through a tunnel and run it on the machine. \
                Without any path to the machine, the run-command script sends it through Azure Resource \
                Manager; only the agent of the machine needs a path.",
            command: "az network bastion tunnel --name BASTION --resource-group GROUP \
                --target-resource-id MACHINE --resource-port 22 --port 2222\n\
                entra-pg manifest vm-run-command --resource-group GROUP --vm MACHINE -h \"$PGHOST\" -U \"$PGUSER\" >vm.sh\n\
                bash vm.sh\n\
                bash vm.sh fetch >client.json",
            proves: "What a client in the subnet of the machine resolves and reaches, and whether the \
                managed identity of the machine can log in.",
        },
        Step {
            title: "Azure Kubernetes Service",
            text: "Run it like the workload: the same namespace, service account, DNS settings, proxies \
                and node pool. `kubectl logs` shows the text, and `entra-pg merge` reads the same log. \
                Without a deployment, leave --like out and name the identity with --client-id.",
            command: "kubectl get deployment NAME -o json >deployment.json\n\
                entra-pg manifest kubernetes --image REGISTRY/entra-pg:TAG -h \"$PGHOST\" -U \"$PGUSER\" \
                --like deployment.json >entra-pg.yaml\n\
                kubectl apply -f entra-pg.yaml\n\
                kubectl logs -l app.kubernetes.io/name=entra-pg --tail=-1 >client.json",
            proves: "What a pod of the workload resolves and reaches, and whether its workload identity \
                can log in.",
        },
        Step {
            title: "Azure Container Apps",
            text: "A job in the same environment uses the same subnet and DNS as the apps. Read its log with \
                `az containerapp job logs show`, which the extension containerapp adds to the Azure CLI.",
            command: "entra-pg manifest container-apps-job --image REGISTRY/entra-pg:TAG --location \
                westeurope --environment \
                /subscriptions/SUB/resourceGroups/GROUP/providers/Microsoft.App/managedEnvironments/ENV \
                -h \"$PGHOST\" -U \"$PGUSER\" >entra-pg.yaml\n\
                az containerapp job create --resource-group GROUP --name entra-pg --yaml entra-pg.yaml\n\
                az containerapp job start --resource-group GROUP --name entra-pg",
            proves: "What an app in the environment resolves and reaches, and whether the identity of \
                the job can log in.",
        },
        Step {
            title: "Azure Container Instances",
            text: "A container group runs in any subnet that is delegated to Container Instances. It does \
                not take over the DNS servers of the virtual network: name them with --dns-server.",
            command: "entra-pg manifest aci --image REGISTRY/entra-pg:TAG --location westeurope --subnet \
                /subscriptions/SUB/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/VNET/subnets/SUBNET \
                -h \"$PGHOST\" -U \"$PGUSER\" >entra-pg.yaml\n\
                az container create --resource-group GROUP --file entra-pg.yaml\n\
                az container logs --resource-group GROUP --name entra-pg >client.json",
            proves: "What a client in that subnet resolves and reaches.",
        },
        Step {
            title: "App Service or Functions",
            text: "The console of the app is in the network of the app if VNet integration is on.",
            command: "entra-pg manifest app-service --resource-group GROUP --app APP -h \"$PGHOST\" -U \"$PGUSER\" >app.sh\n\
                bash app.sh",
            proves: "What the app resolves and reaches, and whether its managed identity can log in.",
        },
        Step {
            title: "Cloud Shell in a virtual network",
            text: "Upload the program with the toolbar of Cloud Shell and run it with your own sign-in. \
                Without a virtual network, Cloud Shell tests the public path only.",
            command: "entra-pg doctor --credential azure-cli",
            proves: "What the subnet of Cloud Shell reaches, and whether your own account can log in.",
        },
        Step {
            title: "The run of a client",
            text: "In each of these places, write the report to a file as well. It says in which subnet \
                it was made.",
            command: "entra-pg doctor --report json=client.json",
            proves: "DNS, the path to the server, the path to Microsoft Entra ID, the token, the role \
                name and the login, as the client sees them.",
        },
        Step {
            title: "The run for the server's subnet",
            text: "Nothing can run in a delegated subnet. Create a sibling subnet in the same virtual \
                network, attach the NSG and the route table of the delegated subnet to it, and run the \
                doctor there, such as with step 5. What a sibling cannot reach, the server cannot reach \
                either; rules for single addresses are the exception.",
            command: "az network vnet subnet create --resource-group GROUP --vnet-name VNET --name \
                snet-entra-pg --address-prefixes 10.0.9.0/28 --network-security-group NSG --route-table \
                ROUTES --delegations Microsoft.ContainerInstance/containerGroups\n\
                entra-pg doctor --only dns,outbound --report json=sibling.json",
            proves: "Whether the rules of the server's subnet let Microsoft Entra ID through.",
        },
        Step {
            title: "The configuration in Azure",
            text: "Export what no packet of a client can show into a folder, and judge it. Reader on the \
                resource group is enough. `entra-pg preflight` names further documents.",
            command: "az postgres flexible-server show --resource-group GROUP --name SERVER >FOLDER/server.json\n\
                az network nsg show --resource-group GROUP --name NSG >FOLDER/nsg.json\n\
                az network route-table show --resource-group GROUP --name ROUTES >FOLDER/routes.json\n\
                entra-pg doctor --azure-config FOLDER --report json=config.json",
            proves: "Whether the rules, the routes, the DNS zone and the server's settings allow the login.",
        },
        Step {
            title: "Network Watcher",
            text: "A virtual machine in a subnet with the NSG and the route table of the server's subnet \
                can be asked what Azure does to its packets. Network Watcher does not repeat the addresses \
                in its answer. Name the file after them, source first, then the destination and the port; \
                or write {\"request\": …, \"response\": …} with both documents; or keep the command line \
                above its output. The answer of test-connectivity names both addresses in its hops; only \
                the port belongs into the name of the file. The answers of PowerShell, as ConvertTo-Json \
                writes them, are read as well.",
            command: "az network watcher show-next-hop --resource-group GROUP --vm MACHINE --source-ip \
                10.1.9.4 --dest-ip 20.190.128.7 >FOLDER/next-hop-10.1.9.4-to-20.190.128.7.json\n\
                az network watcher test-ip-flow --resource-group GROUP --vm MACHINE --direction Outbound \
                --protocol TCP --local 10.1.9.4:60000 --remote 20.190.128.7:443 \
                >FOLDER/ip-flow-10.1.9.4-to-20.190.128.7-443.json\n\
                az network watcher test-connectivity --resource-group GROUP --source-resource MACHINE \
                --dest-address 20.190.128.7 --dest-port 443 >FOLDER/connectivity-443.json\n\
                entra-pg doctor --azure-config FOLDER --report json=config.json",
            proves: "Which rule and which route decide, also where the documents leave it open: routes \
                that a gateway learns, and the prefixes of service tags.",
        },
        Step {
            title: "The verdict",
            text: "Combine the reports: those of clients, one with the Azure configuration, and that of \
                the sibling subnet with --sibling.",
            command: "entra-pg merge client.json config.json --sibling sibling.json",
            proves: "Which of the two networks is the cause, in one sentence.",
        },
    ],
    families: &[&azure::FAMILY],
    problems: &[
        &outbound::tcp::DROPPED,
        &outbound::tcp::REFUSED,
        &server::tcp::DROPPED,
        &NXDOMAIN,
        &PUBLIC_ANSWER,
        &PRIVATE_ANSWER,
    ],
    related: &["guide/go-live", "guide/ci"],
    sources: &[
        "Microsoft Learn: Network with private access for Azure Database for PostgreSQL",
        "Microsoft Learn: Network security groups",
    ],
};

const CI: Guide = Guide {
    id: "guide/ci",
    title: "Check the login in a CI job",
    means: "A job can diagnose its own failed login and keep the evidence. No secret is stored: the \
        job signs in with a federated credential. An agent outside the virtual network tests the public \
        path only.",
    steps: &[
        Step {
            title: "Generate the job",
            text: "Choose the CI system. The program is downloaded with a checksum.",
            command: "entra-pg manifest github-actions -h \"$PGHOST\" -U \"$PGUSER\" --runner self-hosted\n\
                entra-pg manifest azure-pipelines -h \"$PGHOST\" -U \"$PGUSER\" --service-connection NAME\n\
                entra-pg manifest gitlab-ci -h \"$PGHOST\" -U \"$PGUSER\"",
            proves: "The job follows the schema of its CI system.",
        },
        Step {
            title: "Give the job an identity",
            text: "Add a federated credential for the repository, the service connection or the project \
                to an app registration or a user-assigned identity, and create a role for that identity.",
            command: "az identity federated-credential create --resource-group GROUP --identity-name \
                IDENTITY --name ci --issuer https://token.actions.githubusercontent.com --subject \
                repo:ORG/REPO:ref:refs/heads/main --audiences api://AzureADTokenExchange",
            proves: "The token of the job is exchanged for a token of the identity; a failure is an \
                AADSTS number that `entra-pg explain` knows.",
        },
        Step {
            title: "See what the job will contact",
            text: "Ask for the firewall openings of a self-hosted agent before the first run.",
            command: "entra-pg doctor --plan",
            proves: "Every host and port of the job is known.",
        },
        Step {
            title: "Run before the deployment, and after a failure",
            text: "The formats of the CI systems annotate the run. The bundle holds everything that \
                support needs and no secret.",
            command: "entra-pg doctor --format github --report junit=entra-pg.xml --bundle entra-pg.zip",
            proves: "The login works from the agent, or the one cause is in the annotations, the test \
                report and the bundle.",
        },
        Step {
            title: "Judge the bundle offline",
            text: "Download the artifact and read it on any machine.",
            command: "entra-pg replay entra-pg.zip",
            proves: "The evidence of the run leads to the same verdict on another machine.",
        },
    ],
    families: &[],
    problems: &[&FEDERATION_MISMATCH, &ASSERTION_EXPIRED],
    related: &["guide/private-network", "guide/first-login"],
    sources: &["Microsoft Learn: Workload identity federation"],
};

const GO_LIVE: Guide = Guide {
    id: "guide/go-live",
    title: "Check a server before it goes live",
    means: "Find the faults that appear only with the first login before there are users: rules that \
        are too strict, missing administrators, names that do not resolve in a client's network.",
    steps: &[
        Step {
            title: "List what will be contacted",
            text: "Give the list to the owners of firewalls and proxies.",
            command: "entra-pg doctor --plan",
            proves: "Every host and port that the login needs is known.",
        },
        Step {
            title: "Check the network before the server exists",
            text: "Run the doctor without a server in every client's network.",
            command: "env -u PGHOST entra-pg doctor",
            proves: "Clients reach Microsoft Entra ID and Microsoft Graph, the clock is right, and a \
                token is issued.",
        },
        Step {
            title: "Go or no-go",
            text: "Export the configuration into a folder and let the checklist read it.",
            command: "entra-pg preflight --azure-config FOLDER --from client.json",
            proves: "Every requirement is met, not met or not known; the exit code is 0 only for go.",
        },
        Step {
            title: "Log in as the workload",
            text: "From the network and with the identity of the workload, as in guide/private-network.",
            command: "entra-pg doctor --report json=client.json",
            proves: "The login of the workload works.",
        },
        Step {
            title: "Check the roles",
            text: "As a Microsoft Entra administrator, compare the roles with the principals in Entra.",
            command: "entra-pg doctor --as-admin -d postgres",
            proves: "Every role maps to the intended principal.",
        },
        Step {
            title: "Check all servers",
            text: "One list, one run, one matrix; with many servers, an Indexed Job shares the list.",
            command: "entra-pg fleet servers --plan\n\
                entra-pg manifest kubernetes --image REGISTRY/entra-pg:TAG --fleet servers --shards 4",
            proves: "All servers work from this network, and services are not throttled by the run.",
        },
        Step {
            title: "Keep checking",
            text: "A CronJob reports a fault before the users do.",
            command: "entra-pg manifest kubernetes --kind cronjob --image REGISTRY/entra-pg:TAG -h \
                \"$PGHOST\" -U \"$PGUSER\"",
            proves: "Changes of rules, roles and certificates are found within minutes.",
        },
    ],
    families: &[],
    problems: &[],
    related: &["guide/private-network", "guide/first-login"],
    sources: &[
        "Microsoft Learn: Use Microsoft Entra ID for authentication with Azure Database for PostgreSQL",
    ],
};

const FIRST_LOGIN: Guide = Guide {
    id: "guide/first-login",
    title: "Log in with Microsoft Entra ID for the first time",
    means: "From a server with passwords to the first login with a token: an administrator, a role for \
        the application, a token, and the client.",
    steps: &[
        Step {
            title: "Turn on Microsoft Entra authentication and name an administrator",
            text: "The administrator is a user, a group or a service principal of the tenant of the \
                server.",
            command: "az postgres flexible-server microsoft-entra-admin create --resource-group GROUP \
                --server-name SERVER --object-id 11111111-2222-3333-4444-555555555555 --display-name NAME",
            proves: "The server accepts tokens, and there is a role that can create others.",
        },
        Step {
            title: "Read who you are",
            text: "The name in the token must be the name of the role, in the same letter case.",
            command: "entra-pg token",
            proves: "Which principal the token is for, and which role names fit it.",
        },
        Step {
            title: "Log in as the administrator",
            text: "Connect to the database postgres.",
            command: "entra-pg doctor -d postgres",
            proves: "The network, the token and the role of the administrator are right.",
        },
        Step {
            title: "Create a role for the application",
            text: "In the database postgres, as a Microsoft Entra administrator, with the display name of \
                the identity: select * from pgaadauth_create_principal('NAME', false, false); Then grant \
                it what it needs.",
            command: "",
            proves: "The role is mapped to the identity of the application.",
        },
        Step {
            title: "Write the name as each client needs it",
            text: "Spaces, quotes and @ need different escapes in URIs, shells and SQL.",
            command: "entra-pg name \"$PGUSER\"",
            proves: "The name reaches the server unchanged.",
        },
        Step {
            title: "Log in as the application",
            text: "On the machine of the application, with its own credential.",
            command: "entra-pg doctor",
            proves: "The application can log in.",
        },
        Step {
            title: "Use it",
            text: "A token is valid for about an hour: acquire one for each run or connection.",
            command: "entra-pg exec -- psql -c 'select current_user'",
            proves: "psql works with a fresh token.",
        },
    ],
    families: &[&access::FAMILY, &name::FAMILY, &login::FAMILY],
    problems: &[&NO_ENTRA_ADMINISTRATOR],
    related: &["guide/private-network", "guide/go-live"],
    sources: &[
        "Microsoft Learn: Use Microsoft Entra ID for authentication with Azure Database for PostgreSQL",
    ],
};

/// Whether an id is that of a guide.
pub(super) fn is_guide(id: &str) -> bool {
    GUIDES.iter().any(|guide| guide.id == id)
}

impl Guide {
    /// Whether the page of a problem names this guide.
    pub(super) fn is_for(&self, problem: &Problem) -> bool {
        self.problems.contains(&problem)
            || self.families.iter().any(|family| family.name == problem.family())
    }
}

#[cfg(test)]
mod tests {
    use super::GUIDES;

    #[test]
    fn every_step_says_what_it_proves() {
        for step in GUIDES.iter().flat_map(|guide| guide.steps) {
            assert!(step.proves.ends_with('.') && step.text.ends_with('.'), "{}", step.title);
        }
    }

    #[test]
    fn the_sources_are_in_the_table() {
        for title in GUIDES.iter().flat_map(|guide| guide.sources) {
            assert!(entra_pg_checks::support::sources::source(title).is_some(), "{title}");
        }
    }
}
