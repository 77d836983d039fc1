//! Serves the installation in a folder for ten seconds: `serve DIR [ADDRESS]`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fusion_gateway::{Service, serve};
use fusion_metrics::FusionMetrics;
use overlay_loader::{Clock, Live, Options};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let configs = args.next().unwrap_or_else(|| "configs".to_owned());
    let address = args.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    #[expect(clippy::disallowed_methods, reason = "the one clock of this program")]
    let clock: Clock = Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    });
    let live = Live::start(Options::new(&configs, Arc::clone(&clock)))?;
    let service = Service::new(live, FusionMetrics::new(), clock);
    let listener = TcpListener::bind(&address).await?;
    println!("http://{}/health", listener.local_addr()?);
    serve(listener, Arc::new(service), tokio::time::sleep(Duration::from_secs(10))).await?;
    Ok(())
}
