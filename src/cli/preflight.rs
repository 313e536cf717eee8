//! `entra-pg preflight`: a go/no-go checklist before a server goes live.

use super::{
    TOOL_FAILED,
    doctor::{AzureOptions, ConnectionOptions},
    merge,
    output::{self, Color, Terminal},
};
use crate::{
    diagnose,
    environment::{Environment, vantage},
    probe::{azure::merged, context::Context},
    process::progress::Progress,
    report::preflight::{PreflightFormat, exit_code, render},
    settings::{
        request::{Request, Selection},
        usage::UsageError,
    },
};
use clap::{Args, ValueEnum};
use entra_pg_checks::{
    Evidence, Fact,
    facts::azure::Topology,
    preflight::{checklist, is_of_another_server},
};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Options of `preflight`.
#[derive(Args, Clone, Debug)]
pub(crate) struct PreflightArgs {
    /// The server, and the identity for --azure.
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
    /// The configuration in Azure.
    #[command(flatten)]
    pub(crate) azure: AzureOptions,
    /// A report (`doctor --format json`) or a bundle of a run in a network of clients; may be repeated.
    #[arg(long, value_name = "FILE", help_heading = "Preflight")]
    pub(crate) from: Vec<PathBuf>,
    /// Also run the checks of a client on this machine.
    #[arg(long, help_heading = "Preflight")]
    pub(crate) here: bool,
    /// How the server is attached to networks; by default as its document says.
    #[arg(long, value_enum, value_name = "TOPOLOGY", help_heading = "Preflight")]
    pub(crate) topology: Option<TopologyName>,
    /// The format.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: PreflightFormat,
    /// When to use colors.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(crate) color: Color,
    /// Output file; standard output by default.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
}

/// `--topology`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum TopologyName {
    /// A public endpoint.
    Public,
    /// Private endpoints only.
    PrivateEndpoint,
    /// VNet integration: a delegated subnet.
    Vnet,
}

/// Runs `preflight`.
///
/// # Errors
/// What was typed, or a file that it names, cannot be understood.
pub(crate) fn run(
    args: &PreflightArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    if let Err(why) = output::check_writable(args.output.as_deref()) {
        terminal.complain(&format!("{why}; nothing was tested"));
        return Ok(TOOL_FAILED);
    }
    let clients = args.from.iter().map(|path| merge::reports(path));
    let clients = clients.collect::<Result<Vec<_>, _>>()?.concat();
    let mut seen = observe(args, environment)?;
    combine(&mut seen, &clients);
    let mut all: Vec<&Evidence> = clients.iter().collect();
    if args.here {
        all.push(&seen);
    }
    let topology = args.topology.map(|name| match name {
        TopologyName::Public => Topology::Public,
        TopologyName::PrivateEndpoint => Topology::PrivateEndpoints,
        TopologyName::Vnet => Topology::VirtualNetwork,
    });
    let list = checklist(&seen, &all, topology);
    let written = output::render_to(args.output.as_deref(), args.color, terminal, |style| {
        render(&list, &seen, args.format, style)
    });
    if let Err(error) = written {
        terminal.complain(&format!("the checklist cannot be written: {error}"));
        return Ok(TOOL_FAILED);
    }
    Ok(exit_code(&list))
}

/// Adds what runs in the networks of clients know of the configuration and of the server's name. Files
/// and live reads of this run go before them; runs against another server add nothing.
fn combine(seen: &mut Evidence, clients: &[Evidence]) {
    for client in clients {
        if is_of_another_server(seen, client) {
            continue;
        }
        if let Fact::Seen(settings) = &mut seen.settings
            && settings.host.is_none()
        {
            settings.host = client.settings.seen().and_then(|settings| settings.host.clone());
        }
        if let Some(other) = client.azure.seen() {
            seen.azure = Fact::Seen(match seen.azure.seen() {
                Some(azure) => merged(other.clone(), azure),
                None => other.clone(),
            });
        }
    }
}

/// The configuration, and with --here what this machine sees.
fn observe(args: &PreflightArgs, environment: &Environment) -> Result<Evidence, UsageError> {
    let selection = if args.here {
        Selection::default()
    } else {
        super::doctor::selection_of(&["azure".to_owned()], &[])?
    };
    let mut request = args.connection.request(selection, environment)?;
    let host = request.settings.host.as_ref().map(|host| host.value.clone());
    request.azure = args.azure.to_request(host.as_deref())?;
    if !args.here && !request.azure.live {
        // Only files are read: no packet is sent.
        return Ok(without_packets(&request, environment));
    }
    let runtime = super::doctor::runtime();
    let interrupt = CancellationToken::new();
    let report = runtime.block_on(async {
        tokio::spawn(super::doctor::listen(interrupt.clone()));
        diagnose::run(&request, environment, &interrupt, Progress::none()).await
    });
    runtime.shutdown_background();
    Ok(report.evidence().clone())
}

/// The evidence of the given files only.
fn without_packets(request: &Request, environment: &Environment) -> Evidence {
    let mut seen = Evidence {
        observed_at: Context::clock(),
        vantage: vantage::observe(environment, request.timeout, request.deadline),
        settings: Fact::Seen(request.settings.clone()),
        ..Evidence::default()
    };
    if let Some(exported) = &request.azure.exported {
        seen.azure = Fact::Seen((**exported).clone());
    }
    seen
}
