mod audit;
mod log;
mod notice;
mod samples;
mod signals;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use anyhow::Context as _;
use clap::Args;
use fusion_gateway::{Service, serve};
use fusion_metrics::FusionMetrics;
use overlay_doctor::{Thresholds, options_at};
use overlay_loader::{Event, HealthStatus, Live, Options, RootKind, environment_layer};
use serde_json::json;
use tokio::runtime::Runtime;

pub(crate) use self::audit::record;
use self::log::Log;
pub(crate) use self::notice::running;
use self::notice::{Notice, Running};
use self::samples::Samples;
use self::signals::told_to_stop;
use crate::deploy::host;
use crate::doctor::variables;
use crate::environment::{Environment, rfc3339, wall_clock};
use crate::exit::{Exit, refusal};
use crate::findings::are_fatal;
use crate::input::{name_of, read};
use crate::output::Output;

/// Serve an installation over HTTP: routes, flags, health, metrics
///
/// Says which overlay answers a request, whether a flag is on and how the service is, and
/// has the switch that turns every overlay off. Listens until SIGINT or SIGTERM, and lets
/// requests that run end then. The files are watched: an edit is in force for the next
/// request, one that is wrong is refused and the former keeps answering; SIGHUP has them read
/// again. Under a deployment root it follows the pointer: the stable generation for most
/// units, the candidate for its share; where there is no pointer yet it waits for one and
/// answers 503 to /readyz. Reads `fusion.toml`, RESON__<SECTION>__<KEY>, RESON_ENV, RESON_FEATURES,
/// RESON_FEATURES_FILE and RESONTINEX_FUSION_<KEY>. There is no TLS, and only what
/// operators do (the emergency switch, breakers by hand) asks for a token.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion serve --configs configs
  fusion serve --configs configs --env production --state /var/lib/fusion
  fusion serve --root /srv/fusion --env production
  fusion serve --configs configs --listen 127.0.0.1:0 --admin-token-file token --json

The address stands on standard error; with --json also on standard output, as one object.
Ends with 0 when it is told to stop, 75 where the address is in use, 64 where this host does
not have it, and under --strict with 1 where the configuration or fusion.toml is not as it was
asked for.")]
pub(crate) struct Serve {
    /// The installation; else FUSION_CONFIGS
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
    /// The deployment root whose pointer is followed, in place of an installation; else
    /// FUSION_ROOT
    #[arg(long, value_name = "DIR", conflicts_with = "configs")]
    root: Option<PathBuf>,
    /// Where to listen; port 0 is any that is free; else `service.listen` of fusion.toml
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The environment of the flag file; else RESON_ENV
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// The folder for the copy of the last good configuration; under a deployment root else
    /// `state/<host>` in it
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The file with the token of those who may throw the emergency switch; without one
    /// nobody may
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// Short for --format json
    #[arg(long)]
    pub(crate) json: bool,
}

impl Serve {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        output.refuse_sarif()?;
        let token = self.admin_token_file.as_deref().map(token).transpose()?;
        let place = self.place(environment)?;
        let options = place.options(output, environment)?;
        let address = self.listen.or(options.listen()).unwrap_or(LISTEN);
        if !address.ip().is_loopback() {
            let who = "every host that reaches it can read routes, flags and metrics";
            warn(output, &format!("{address} is no loopback address: {who}"))?;
        }
        // Before anything is read or written: it may be another's.
        let listener = TcpListener::bind(address).map_err(|err| unbound(address, &err))?;
        let metrics = metrics(&options, output)?;
        let (service, events) = self.service(&place, metrics, output, environment)?;
        let service = service.with_health(options.pool(), Thresholds::of(&options));
        let service = with_sink(service, &options, output)?;
        let service = match token {
            Some(token) => service.with_admin_token(&token),
            None => service,
        };
        let samples = place.samples(&options)?;
        let service = match &samples {
            Some(samples) => service.with_samples(samples.keep()),
            None => service,
        };
        let runtime = Runtime::new().context("starting the threads that answer")?;
        let notice = self.notice(&place, &listener, environment)?.map(Arc::new);
        notice.iter().for_each(|it| it.post());
        let audited = place.audited(environment).filter(|_| options.keeps_audit());
        let log = Log::follow(events, audited, notice.clone()).context("starting the log")?;
        let service = Arc::new(service);
        let listened = runtime.block_on(listen(listener, Arc::clone(&service), output));
        let killed = service.killed_by();
        // Both hold the configuration, and with it the log open.
        drop((runtime, service));
        log.finish(killed.as_ref());
        notice.iter().for_each(|it| it.withdraw());
        samples.into_iter().for_each(Samples::finish);
        listened?;
        output.remark("stopped\n")?;
        Ok(Exit::DONE)
    }

    /// The configuration with its metrics, what speaks against it said, and what happens to
    /// it from then on.
    fn service(
        &self,
        place: &Place,
        metrics: FusionMetrics,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<(Service, Receiver<Event>)> {
        let options = self.options(place, output, environment)?;
        let live = Live::start(options).context("watching the configuration")?;
        // First, so that nothing that fails is in neither of the two.
        let events = live.events();
        let health = live.health();
        for reason in &health.reasons {
            warn(output, reason)?;
        }
        if output.strict && health.status != HealthStatus::Healthy {
            let message = "the configuration is not as it was asked for";
            return Err(refusal(Exit::FINDINGS, message));
        }
        Ok((Service::new(live, metrics, wall_clock()), events))
    }

    /// What is served: an installation given by name comes before a root of the environment.
    fn place(&self, environment: &Environment) -> anyhow::Result<Place> {
        let of_environment = || environment.path("FUSION_ROOT").filter(|_| self.configs.is_none());
        if let Some(root) = self.root.clone().or_else(of_environment) {
            return Ok(Place::Root(root));
        }
        let message = "no installation: give --configs DIR or --root DIR, or set FUSION_CONFIGS";
        let configs = environment.configs(self.configs.as_deref());
        configs.map(Place::Configs).ok_or_else(|| refusal(Exit::USAGE, message))
    }

    fn options(
        &self,
        place: &Place,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Options> {
        let variables = environment.variables();
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (layer, findings) = environment_layer(variables);
        for finding in findings {
            warn(output, &finding.message)?;
        }
        let named = || environment.get("RESON_ENV").map(str::to_owned);
        Ok(Options {
            kind: place.kind(),
            extra: vec![layer],
            environment: self.env.clone().or_else(named),
            features: environment.text("RESON_FEATURES").map(str::to_owned),
            features_file: environment.path("RESON_FEATURES_FILE"),
            state: self.state(place, environment),
            seed: seed(environment),
            ..Options::new(place.dir(), wall_clock())
        })
    }
}

impl Serve {
    /// Where the instance keeps its state.
    fn state(&self, place: &Place, environment: &Environment) -> Option<PathBuf> {
        self.state.clone().or_else(|| place.state(environment))
    }

    /// What is said of a service that follows a deployment root, below it.
    fn notice(
        &self,
        place: &Place,
        listener: &TcpListener,
        environment: &Environment,
    ) -> anyhow::Result<Option<Notice>> {
        let (Place::Root(root), Some(folder)) = (place, self.state(place, environment)) else {
            return Ok(None);
        };
        let running = Running {
            host: host(environment),
            pid: std::process::id(),
            address: listener.local_addr().context("asking for the address")?,
            since: rfc3339(u64::try_from(wall_clock()() / 1000).unwrap_or_default()),
        };
        Ok(Some(Notice::new(root, folder, running)))
    }
}

/// Where to listen where nothing says so.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9630);

/// What is served.
enum Place {
    Configs(PathBuf),
    Root(PathBuf),
}

impl Place {
    fn dir(&self) -> &Path {
        match self {
            Self::Configs(dir) | Self::Root(dir) => dir,
        }
    }

    /// A root that has no pointer is one that was mistyped, or nothing is deployed to yet.
    fn kind(&self) -> RootKind {
        match self {
            Self::Configs(_) => RootKind::Either,
            Self::Root(_) => RootKind::Deployed,
        }
    }

    /// Where an instance under a deployment root keeps its state.
    fn state(&self, environment: &Environment) -> Option<PathBuf> {
        let Self::Root(root) = self else { return None };
        let host = host(environment);
        let is_name = !host.contains(['/', '\\']) && !host.starts_with('.');
        is_name.then(|| root.join("state").join(host))
    }

    /// The deployment root whose audit log the API writes to.
    fn audited(&self, environment: &Environment) -> Option<log::Audited> {
        let Self::Root(root) = self else { return None };
        Some(log::Audited { root: root.clone(), environment: environment.clone() })
    }

    /// What takes the calls of a rollout, where there can be one and samples are kept.
    fn samples(&self, options: &overlay_doctor::Options) -> anyhow::Result<Option<Samples>> {
        let Self::Root(root) = self else { return Ok(None) };
        let samples = options.keeps_rows().then(|| Samples::of(root));
        samples.transpose().context("starting the thread that writes samples")
    }

    /// What `fusion.toml` and the environment say of the service.
    fn options(
        &self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<overlay_doctor::Options> {
        let (root, configs) = match self {
            Self::Configs(dir) => (None, Some(dir.as_path())),
            Self::Root(dir) => (Some(dir.as_path()), None),
        };
        let (options, findings) = options_at(root, configs, &variables(environment));
        for finding in &findings {
            let file = if finding.at.is_some() { "fusion.toml:" } else { "" };
            warn(output, &format!("{file}{finding}"))?;
        }
        // A service starts with what it can read, as it does with broken overlays.
        if output.strict && are_fatal(&findings, true) {
            return Err(refusal(Exit::FINDINGS, NOT_AS_ASKED));
        }
        Ok(options)
    }
}

/// A number of this process alone, as far as host and process id make it one.
fn seed(environment: &Environment) -> u64 {
    let mut hasher = DefaultHasher::new();
    (host(environment), std::process::id()).hash(&mut hasher);
    hasher.finish()
}

const NOT_AS_ASKED: &str = "the options of the service are not as they were asked for";

/// Metrics under the limits of the options.
fn metrics(
    options: &overlay_doctor::Options,
    output: &mut Output,
) -> anyhow::Result<FusionMetrics> {
    match options.series_limits() {
        Ok(limits) => Ok(FusionMetrics::with_limits(limits)),
        Err(err) => {
            unkept(output, &format!("[metrics]: {err} (the default limits are in force)"))?;
            Ok(FusionMetrics::new())
        }
    }
}

/// The service with its metrics where the options want them.
fn with_sink(
    service: Service,
    options: &overlay_doctor::Options,
    output: &mut Output,
) -> anyhow::Result<Service> {
    match options.metrics_sink() {
        "prometheus" => Ok(service),
        "null" => Ok(service.without_metrics_page()),
        other => {
            let why = format!("metrics.sink: metrics cannot go to `{other}` in this build");
            unkept(output, &format!("{why} (the default \"prometheus\" is in force)"))?;
            Ok(service)
        }
    }
}

/// Says that an option is not kept; under --strict the service does not start so.
fn unkept(output: &mut Output, message: &str) -> anyhow::Result<()> {
    warn(output, message)?;
    if output.strict {
        return Err(refusal(Exit::FINDINGS, NOT_AS_ASKED));
    }
    Ok(())
}

/// Answers until the process is told to stop.
async fn listen(
    listener: TcpListener,
    service: Arc<Service>,
    output: &mut Output,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("asking for the address")?;
    listener.set_nonblocking(true).context("preparing the address")?;
    let listener = tokio::net::TcpListener::from_std(listener).context("preparing the address")?;
    // Before the address is told: who knows it may stop the service at once.
    let stop = told_to_stop(Arc::downgrade(&service)).context("waiting for signals")?;
    output.remark(&format!("listening on http://{address}\n"))?;
    if output.is_json() {
        let status = service.live().status();
        let object = json!({
            "schema": "fusion/serve/1",
            "address": address,
            "digest": status.digest,
            "health": status.health(),
        });
        output.json(&format!("{object}\n"))?;
    }
    serve(listener, service, stop).await.context("answering")
}

fn unbound(address: SocketAddr, err: &std::io::Error) -> anyhow::Error {
    let exit = match err.kind() {
        ErrorKind::AddrInUse => Exit::LOCKED,
        ErrorKind::AddrNotAvailable | ErrorKind::PermissionDenied => Exit::USAGE,
        _ => Exit::INTERNAL,
    };
    let way_out = "name another address with --listen, or with service.listen of fusion.toml";
    refusal(exit, format!("cannot listen on {address}: {err}; {way_out}"))
}

/// The token in a file.
fn token(path: &Path) -> anyhow::Result<String> {
    let input = read(path)?;
    let token = input.text()?.trim();
    if token.is_empty() {
        let message = format!("{}: there is no token in it", name_of(path));
        return Err(refusal(Exit::UNREADABLE, message));
    }
    if let Some(why) = unsendable(token) {
        let message = format!("{}: no request can carry this token: {why}", name_of(path));
        return Err(refusal(Exit::UNREADABLE, message));
    }
    Ok(token.to_owned())
}

/// The most bytes of a token: with more, heads of requests come to their end.
const MAX_TOKEN: usize = 4096;

/// Why a token cannot stand in the head of a request, where that is so.
fn unsendable(token: &str) -> Option<String> {
    if token.lines().count() > 1 {
        return Some("it has more than one line".to_owned());
    }
    if token.len() > MAX_TOKEN {
        return Some(format!("it has more than {MAX_TOKEN} bytes"));
    }
    let odd = token.chars().find(|it| !matches!(it, ' '..='~'))?;
    Some(format!("{odd:?} is none of the printable ASCII characters"))
}

pub(crate) fn warn(output: &mut Output, message: &str) -> anyhow::Result<()> {
    let style = anstyle::AnsiColor::Yellow.on_default().bold();
    output.remark(&format!("{style}warning{style:#}: {message}\n"))
}
