//! How long the service waits for what a caller sends.

use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::refusal::refuse;
use crate::service::Service;

/// How long a request may take from its head to its answer, where nobody says.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may be without a request.
const IDLE: Duration = Duration::from_secs(75);

/// 408 for a request that does not come to its end in time.
pub(crate) async fn in_time(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let answer = timeout(service.patience, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        let why = "the request did not come to its end in time";
        let mut answer = refuse(StatusCode::REQUEST_TIMEOUT, why);
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    })
}

/// Connections that end where nothing comes: heads that are sent by halves reach no answer
/// that could refuse them.
pub(crate) struct Patient {
    pub(crate) listener: TcpListener,
    /// How long a request may take, from its first byte on. More than [`in_time`] allows
    /// from the end of the head on, so that its refusal arrives.
    pub(crate) patience: Duration,
}

impl Listener for Patient {
    type Io = Timed;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Timed, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let deadline = Box::pin(sleep(IDLE));
        (Timed { stream, patience: self.patience, deadline, is_idle: true }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection with a deadline.
pub(crate) struct Timed {
    stream: TcpStream,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Whether nothing has come since the last answer.
    is_idle: bool,
}

impl Timed {
    fn within(&mut self, time: Duration) {
        self.deadline.as_mut().reset(Instant::now() + time);
    }

    fn written(&mut self, res: io::Result<usize>) -> Poll<io::Result<usize>> {
        if res.is_ok() {
            self.is_idle = true;
            self.within(IDLE);
        }
        Poll::Ready(res)
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Poll::Ready(res) = Pin::new(&mut self.stream).poll_read(cx, buf) {
            if self.is_idle && buf.filled().len() > before {
                self.is_idle = false;
                let patience = self.patience;
                self.within(patience);
            }
            return Poll::Ready(res);
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let res = ready!(Pin::new(&mut self.stream).poll_write(cx, buf));
        self.written(res)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let res = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs));
        self.written(res)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
