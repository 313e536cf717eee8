//! `entra-pg fleet`: many targets in one run.

use super::{
    TOOL_FAILED,
    doctor::{self, CredentialName, IdentityOptions, NetworkOptions},
    output::{self, Color, Terminal},
    results::{Lines, Tally},
    target::{CloudName, Expected, LoginOptions, TargetOptions},
};
use crate::{
    diagnose::{FailOn, Report},
    environment::{Environment, vantage},
    fleet::{self, Entry, Fleet, Item, Row, Shard, ShardOption, Speed},
    input,
    process::{limits, progress::Progress},
    report::{
        self, Format, Style,
        fleet::{FleetFormat, exit_code, render},
    },
    settings::TargetArgs,
    settings::request::Selection,
    settings::usage::UsageError,
    text::{Inert, clean},
};
use clap::{Args, ValueEnum};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Longer than any list of 20,000 targets.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Options of `fleet`.
#[derive(Args, Clone, Debug)]
pub(crate) struct FleetArgs {
    /// The list, or - for standard input: TOML with `[defaults]` and `[[target]]`, JSON, the output of
    /// `az postgres flexible-server list -o json`, or a connection string or host name a line. Options
    /// count where it says nothing.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Values for targets that do not have their own.
    #[command(flatten)]
    pub(crate) defaults: LoginOptions,
    /// The identity.
    #[command(flatten)]
    pub(crate) identity: IdentityOptions,
    /// The network.
    #[command(flatten)]
    pub(crate) network: NetworkOptions,
    /// How many targets are checked at the same time.
    #[arg(long, short = 'j', value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,
    /// How many targets start per second at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: u32,
    /// Check only the targets of this shard: I/N with I from 1 to N, or job/N to take I from
    /// JOB_COMPLETION_INDEX. The name of a target decides its shard.
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<ShardOption>,
    /// Skip the targets whose results are already in the file of --output, and add the others to it.
    #[arg(long, requires = "output")]
    pub(crate) resume: bool,
    /// Only these families or checks; may be repeated.
    #[arg(long, value_name = "CHECK", value_delimiter = ',', help_heading = "Choice")]
    pub(crate) only: Vec<String>,
    /// Not these families or checks; may be repeated.
    #[arg(long, value_name = "CHECK", value_delimiter = ',', help_heading = "Choice")]
    pub(crate) skip: Vec<String>,
    /// Print every target and identity that would be used, with requests per second, and stop.
    #[arg(long, help_heading = "Choice")]
    pub(crate) plan: bool,
    /// The output.
    #[command(flatten)]
    pub(crate) output: FleetOutput,
}

/// Where the report goes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct FleetOutput {
    /// The format.
    #[arg(long, value_enum, default_value_t = FleetFormat::Text)]
    pub(crate) format: FleetFormat,
    /// Where to; stdout by default.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// An additional report; may be repeated.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = doctor::report_file::<FleetFormat>)]
    pub(crate) report: Vec<(FleetFormat, PathBuf)>,
    /// Write the whole report of each target into this folder as soon as it is done, as `doctor
    /// --format json` does, for `replay`, `diff` and `merge`.
    #[arg(long, value_name = "DIR")]
    pub(crate) reports: Option<PathBuf>,
    /// When to use colors.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: Color,
    /// Print only the faults.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Say more: a line for every target.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// From which severity on the exit code is 1.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) fail_on: FailOn,
}

impl FleetOutput {
    /// # Errors
    /// Two outputs have the same destination.
    fn check(&self) -> Result<(), UsageError> {
        let stdout = Path::new("-");
        let main = (self.format, self.output.as_deref().unwrap_or(stdout));
        let reports = self.report.iter().map(|(format, path)| (*format, path.as_path()));
        // JSON lines can be told from a text on the same stream; `merge` reads them from a log.
        let whole =
            |&(format, path): &(FleetFormat, &Path)| format != FleetFormat::Jsonl || path != stdout;
        let files = reports.chain([main]).filter(whole).map(|(_, path)| path);
        output::check_distinct(files.collect(), "-o and --report")
    }

    /// # Errors
    /// The first file that cannot be written, and why.
    fn check_writable(&self) -> Result<(), String> {
        let reports = self.report.iter().map(|(_, path)| path.as_path());
        output::check_writable(reports.chain(self.output.as_deref()))
    }
}

/// Runs `fleet`.
///
/// # Errors
/// The list cannot be read or understood.
pub(crate) fn run(
    args: &FleetArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<u8, UsageError> {
    if args.resume && args.output.format != FleetFormat::Jsonl {
        return Err(UsageError::new("--resume needs --format jsonl"));
    }
    let shard = shard(args, environment)?;
    let List { mut entries, digest, all } = entries(args, shard, environment)?;
    let speed = speed(args, shard);
    if args.plan {
        let text = plan(&entries) + &fleet::plan(&entries, speed, shard, all, environment);
        let written = output::to_stdout(&Inert::text(&text));
        return Ok(if written.is_ok() { 0 } else { TOOL_FAILED });
    }
    args.output.check()?;
    if let Err(why) = args.output.check_writable() {
        terminal.complain(&format!("{why}; nothing was tested"));
        return Ok(TOOL_FAILED);
    }
    let mut reports = args.output.reports.as_deref().map(Reports::into).transpose()?;
    let mut lines = Lines::of(&args.output, args.resume, &digest, shard)?;
    let targets = entries.len();
    entries.retain(|entry| !lines.is_done(&entry.name));
    let progress = if terminal.stderr && !args.output.quiet {
        Progress::on(output::stderr(), terminal.width)
    } else {
        Progress::none()
    };
    let interrupt = CancellationToken::new();
    let run = fleet::Run::new(&entries, environment, &interrupt);
    lines.begin(&run, targets, all, vantage::hostname(environment));
    // Without another format the rows are not kept: memory does not grow with the number of targets.
    let keep = Lines::others_of(&args.output).next().is_some();
    let (mut rows, mut tally) = (Vec::new(), Tally::new(lines.earlier()));
    let each = |index: usize, report: Option<&Report>, row: Row| {
        if let (Some(reports), Some(report)) = (&mut reports, report) {
            reports.write(&row.name, report);
        }
        lines.target(&row);
        tally.add(&row);
        if keep {
            rows.push((index, row));
        }
    };
    let runtime = doctor::runtime();
    runtime.block_on(async {
        tokio::spawn(doctor::listen(interrupt.clone()));
        run.check(speed, &progress, each).await;
    });
    // A lookup that the system's resolver does not give up must not hold the process.
    runtime.shutdown_background();
    lines.end(&run);
    rows.sort_by_key(|(index, _)| *index);
    let fleet = Fleet {
        run_id: run.id().to_owned(),
        started_at: run.started_at(),
        duration_ms: run.elapsed_ms(),
        interrupted: run.interrupted(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        gaps: None,
    };
    let failed = [reports.and_then(|reports| reports.failed), lines.into_failure()];
    let failed =
        failed.into_iter().flatten().inspect(|failed| terminal.complain(failed)).count() > 0;
    let failed = !render_others(&args.output, &fleet, terminal) || failed;
    Ok(match exit_code(tally.outcome(), args.output.fail_on == FailOn::Warning) {
        _ if failed => TOOL_FAILED,
        _ if fleet.interrupted => doctor::interrupted_code(),
        code => code,
    })
}

fn shard(args: &FleetArgs, environment: &Environment) -> Result<Option<Shard>, UsageError> {
    let resolve = |option: ShardOption| option.resolve(environment.get("JOB_COMPLETION_INDEX"));
    args.shard.map(resolve).transpose().map_err(UsageError::new)
}

/// Several shards start at the same time with the same identity: they spread their token requests.
fn speed(args: &FleetArgs, shard: Option<Shard>) -> Speed {
    const SPREAD: Duration = Duration::from_millis(100);
    let spread = shard.map_or(Duration::ZERO, |shard| SPREAD * (shard.of() - 1).min(100));
    Speed { jobs: limits::jobs(usize::from(args.jobs)), rate: args.rate, spread }
}

/// Renders the formats that need every row at once; says whether all of them could be written.
fn render_others(options: &FleetOutput, fleet: &Fleet, terminal: &Terminal) -> bool {
    let style =
        |color| Style { color, verbose: options.verbose, quiet: options.quiet, ..terminal.style() };
    let mut written = true;
    for (format, path) in Lines::others_of(options) {
        let stdout = path.is_none();
        let path = path.unwrap_or(Path::new("-"));
        let write = match format {
            FleetFormat::Prometheus => output::to_shared_file,
            FleetFormat::Text | FleetFormat::Json | FleetFormat::Jsonl | FleetFormat::Junit => {
                output::to_file
            }
        };
        let style = style(stdout && terminal.colors(options.color));
        let done = render(fleet, format, &style).and_then(|bytes| write(path, &bytes));
        if let Err(error) = done {
            terminal.complain(&format!("{} could not be written: {error}", path.display()));
            written = false;
        }
    }
    written
}

/// The targets of a run.
struct List {
    entries: Vec<Entry>,
    /// A digest of the list.
    digest: String,
    /// Targets in the whole list.
    all: usize,
}

/// Reads the list and builds one request per target of the shard. The targets of other shards are
/// understood, too, so that an error in the list is found by every shard.
fn entries(
    args: &FleetArgs,
    shard: Option<Shard>,
    environment: &Environment,
) -> Result<List, UsageError> {
    let text = read(&args.file)?;
    if args.identity.token_file.as_deref() == Some(Path::new("-")) && args.file == Path::new("-") {
        return Err(UsageError::new("the list and the token cannot both come from standard input"));
    }
    let selection = doctor::selection_of(&args.only, &args.skip)?;
    let items = fleet::parse(&text)?;
    let mut tokens = Tokens::default();
    let (all, digest) = (items.len(), fleet::digest_of(&text));
    let mut entries = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let place = item.name.clone().unwrap_or_else(|| format!("target {}", index + 1));
        let entry =
            entry(args, item, &selection, environment, &mut tokens).map_err(|mut error| {
                error.message = format!("{place}: {}", error.message);
                error
            })?;
        if shard.is_none_or(|shard| shard.holds(&entry.name)) {
            entries.push(entry);
        }
    }
    name_apart(&mut entries);
    Ok(List { entries, digest, all })
}

/// The contents of token files, each read once: standard input can be read once only.
type Tokens = BTreeMap<PathBuf, doctor::TokenFile>;

fn entry(
    args: &FleetArgs,
    item: Item,
    selection: &Selection,
    environment: &Environment,
    tokens: &mut Tokens,
) -> Result<Entry, UsageError> {
    let defaults = &args.defaults;
    let named = |text: &Option<String>, what: &str| -> Result<Option<_>, UsageError> {
        text.as_deref().map(|text| word::<CloudName>(text, what)).transpose()
    };
    let cloud = named(&item.cloud, "cloud")?;
    let expect = item.expect.as_deref().map(|text| word::<Expected>(text, "expect")).transpose()?;
    let login = LoginOptions {
        port: item.port.map(|port| port.to_string()),
        username: item.user.clone(),
        dbname: item.dbname.clone(),
        cloud_file: defaults.cloud_file.clone().filter(|_| cloud.is_none()),
        cloud: cloud.or(defaults.cloud),
        expect: expect.or(defaults.expect),
        tenant: item.tenant.or_else(|| defaults.tenant.clone()),
    };
    let options = TargetOptions { conninfo: item.conninfo, host: item.host, login };
    let mut target = options.to_args();
    target.defaults = vec![
        item.defaults.as_deref().map(login_of).unwrap_or_default(),
        TargetOptions { login: defaults.clone(), ..TargetOptions::default() }.to_args(),
    ];
    let credential = item.credential.as_deref();
    let credential =
        credential.map(|text| word::<CredentialName>(text, "credential")).transpose()?;
    let mut identity = IdentityOptions {
        credential: credential.unwrap_or(args.identity.credential),
        client_id: item.client_id.or_else(|| args.identity.client_id.clone()),
        ..args.identity.clone()
    };
    let token_file = item.token_file.map(PathBuf::from).or_else(|| identity.token_file.take());
    identity.token_file = None;
    let mut request =
        doctor::build_request(&target, &identity, &args.network, selection.clone(), environment)?;
    if let Some(path) = token_file {
        let token = match tokens.get(&path) {
            Some(token) => token.clone(),
            None => doctor::read_token(&path)?,
        };
        request.token_file = Some(token.clone());
        tokens.insert(path, token);
    }
    if item.untestable.is_some() {
        // Nor at the host that the environment names.
        request.settings.host = None;
    }
    let host = request.settings.host.as_ref().map(|host| host.value.clone());
    let name = item.name.or(host).unwrap_or_else(|| "(no server named)".to_owned());
    Ok(Entry { name, request, untestable: item.untestable })
}

/// The login that an entry of the list describes.
fn login_of(item: &Item) -> TargetArgs {
    TargetArgs {
        conninfo: item.conninfo.clone(),
        host: item.host.clone(),
        port: item.port.map(|port| port.to_string()),
        username: item.user.clone(),
        dbname: item.dbname.clone(),
        ..TargetArgs::default()
    }
}

fn word<T: ValueEnum>(text: &str, what: &str) -> Result<T, UsageError> {
    T::from_str(text, true).map_err(|_| {
        let known = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let known: Vec<String> = known.map(|value| value.get_name().to_owned()).collect();
        UsageError::new(format!("{what} cannot be \"{text}\"")).suggest(known.join(", "))
    })
}

/// Targets of one name get their user and database, and then a number.
fn name_apart(entries: &mut [Entry]) {
    for full in [true, false] {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for entry in entries.iter() {
            *seen.entry(entry.name.clone()).or_default() += 1;
        }
        let mut number: BTreeMap<String, usize> = BTreeMap::new();
        for entry in entries.iter_mut().filter(|entry| seen[&entry.name] > 1) {
            if full {
                let settings = &entry.request.settings;
                let user = settings.user.as_ref().map_or("", |user| user.value.as_str());
                entry.name = format!("{} {user}/{}", entry.name, settings.database.value);
            } else {
                let nth = number.entry(entry.name.clone()).or_default();
                *nth += 1;
                entry.name = format!("{} #{nth}", entry.name);
            }
        }
    }
}

fn plan(entries: &[Entry]) -> String {
    let plural = if entries.len() == 1 { "" } else { "s" };
    let mut text = format!("{} target{plural}:\n", entries.len());
    for entry in entries {
        if let Some(why) = &entry.untestable {
            text.push_str(&format!("  {:<40} {}\n", clean(&entry.name), clean(why)));
            continue;
        }
        let settings = &entry.request.settings;
        let host =
            settings.host.as_ref().map_or_else(|| "(none)".to_owned(), |host| clean(&host.value));
        let user = settings.user.as_ref().map(|user| clean(&user.value)).unwrap_or_default();
        let line = format!(
            "  {:<40} {host}:{}/{} as \"{user}\", credential {}, authority {}\n",
            clean(&entry.name),
            settings.port.value,
            clean(&settings.database.value),
            entry.request.credential.name(),
            clean(&settings.cloud.value.authority_host),
        );
        text.push_str(&entry.request.secrets.redacted(&line).unwrap_or(line));
    }
    text.push_str("For each of them `entra-pg doctor --plan` says what is contacted.\n");
    text
}

fn read(path: &Path) -> Result<String, UsageError> {
    let name = path.display();
    let bytes = input::argument(path, LIMIT)
        .and_then(input::utf8)
        .map_err(|error| UsageError::new(format!("{name} cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| UsageError::new(format!("{name} is not UTF-8")))
}

/// The folder of whole reports.
struct Reports {
    folder: PathBuf,
    written: BTreeSet<PathBuf>,
    failed: Option<String>,
}

impl Reports {
    fn into(folder: &Path) -> Result<Self, UsageError> {
        std::fs::create_dir_all(folder).map_err(|error| {
            UsageError::new(format!("{} cannot be made: {error}", folder.display()))
        })?;
        Ok(Self { folder: folder.to_owned(), written: BTreeSet::new(), failed: None })
    }

    fn write(&mut self, name: &str, report: &Report) {
        let stem = file_stem(name);
        let mut path = self.folder.join(format!("{stem}.json"));
        // Two names can become the same.
        while !self.written.insert(path.clone()) {
            let number = self.written.len();
            path = self.folder.join(format!("{stem}-{number}.json"));
        }
        let style = Style { color: false, width: 80, verbose: 0, quiet: false, unicode: true };
        let written = report::render(report, Format::Json, &style)
            .and_then(|bytes| output::to_file(&path, &bytes));
        if let Err(error) = written {
            self.failed.get_or_insert(format!("{} could not be written: {error}", path.display()));
        }
    }
}

/// A file name without its ending that every system accepts: at most 200 bytes, no name of a device of
/// Windows, and nothing that a command takes for an option.
fn file_stem(name: &str) -> String {
    let safe = |character: char| match character {
        '-' | '_' | '.' | '@' | '#' => character,
        other if other.is_alphanumeric() => other,
        _ => '_',
    };
    let mut stem = String::new();
    for character in name.chars().map(safe) {
        if stem.len() + character.len_utf8() > 200 {
            break;
        }
        stem.push(character);
    }
    let stem = stem.trim_matches(['.', '-']);
    let base = stem.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered =
        |device: &str| base.strip_prefix(device).is_some_and(|rest| rest.len() == 1 && rest != "0");
    let device = ["CON", "PRN", "AUX", "NUL"].contains(&base.as_str());
    if stem.is_empty() || device || numbered("COM") || numbered("LPT") {
        return format!("target_{stem}");
    }
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    use super::file_stem;

    #[test]
    fn a_target_gives_a_name_that_every_system_accepts() {
        assert_eq!(file_stem("-rf"), "rf");
        assert_eq!(file_stem(""), "target_");
        assert_eq!(file_stem("con"), "target_con");
        assert_eq!(file_stem("LPT1.x"), "target_LPT1.x");
        assert_eq!(file_stem("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(
            file_stem("pg-prod.postgres.database.azure.com"),
            "pg-prod.postgres.database.azure.com"
        );
        assert!(file_stem(&"\u{738b}".repeat(300)).len() <= 200);
    }
}
