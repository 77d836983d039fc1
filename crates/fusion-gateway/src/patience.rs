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

use crate::connections::{Connections, Place};
use crate::refusal::refuse;
use crate::service::Service;

/// How long a request may take from its head to its answer, where nobody says.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

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
    pub(crate) connections: Connections,
}

impl Listener for Patient {
    type Io = Timed;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Timed, SocketAddr) {
        // Who finds no place waits in the queue of the system, which costs no handle here.
        let place = self.connections.place().await;
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let (patience, deadline) = (self.patience, Box::pin(sleep(place.idle())));
        (Timed { stream, place, patience, deadline, is_idle: true, is_stalled: false }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection with a deadline.
pub(crate) struct Timed {
    stream: TcpStream,
    place: Place,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Whether nothing has come since the last answer.
    is_idle: bool,
    /// Whether an answer waits for a caller who does not read.
    is_stalled: bool,
}

impl Timed {
    fn within(&mut self, time: Duration) {
        self.deadline.as_mut().reset(Instant::now() + time);
    }

    fn written(&mut self, res: io::Result<usize>) -> Poll<io::Result<usize>> {
        if res.is_ok() {
            (self.is_idle, self.is_stalled) = (true, false);
            let idle = self.place.idle();
            self.within(idle);
        }
        Poll::Ready(res)
    }

    /// An answer that cannot be written has as long as a request that does not come.
    fn stalled<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if !self.is_stalled {
            self.is_stalled = true;
            let patience = self.patience;
            self.within(patience);
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
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
            if self.is_idle && !self.is_stalled && buf.filled().len() > before {
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
        match Pin::new(&mut self.stream).poll_write(cx, buf) {
            Poll::Ready(res) => self.written(res),
            Poll::Pending => self.stalled(cx),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(cx, bufs) {
            Poll::Ready(res) => self.written(res),
            Poll::Pending => self.stalled(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.stalled(cx),
            done @ Poll::Ready(_) => done,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
