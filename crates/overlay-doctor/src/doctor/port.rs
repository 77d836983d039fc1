use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::Scene;
use super::outcome::{Found, Outcome};

/// How long whoever has the port may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the service can listen where it is told to.
pub(super) fn port(scene: &Scene<'_>) -> Outcome {
    let Some(address) = scene.options.listen() else {
        return Outcome::skip("service.listen is no address");
    };
    let hint = "set service.listen in fusion.toml, or RESON__SERVICE__LISTEN, to another one";
    match TcpListener::bind(address) {
        Ok(_) => Outcome::ok(format!("{address} is free")),
        Err(err) if err.kind() == ErrorKind::AddrInUse && is_ours(address) => {
            let text = format!("a service of ours answers on {address} already");
            Found::warn(text).hint("a second one on this address would not start").into()
        }
        Err(err) if err.kind() == ErrorKind::AddrInUse => {
            Found::fail(format!("another program has {address}")).hint(hint).into()
        }
        Err(err) => Found::fail(format!("cannot listen on {address}: {err}")).hint(hint).into(),
    }
}

/// Whether what listens there answers `/livez` as the service does.
fn is_ours(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    ask().is_ok_and(|it| it.starts_with(b"HTTP/1.1 200") && it.ends_with(b"ok\n"))
}
