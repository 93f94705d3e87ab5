//! The server: what this program is in the process that [`remote`](crate::remote) starts.
//!
//! It says on stdout which port it listens on. When its stdin is closed, it says how many downloads there were at the same
//! time, and ends. The system closes stdin however the other process ends, so no server is ever left behind.

use crate::{
    report,
    site::{Site, contents, is_broken},
};
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Runtime,
    sync::Semaphore,
    task::spawn_blocking,
    time::sleep,
};

/// How many connections may wait to be accepted. Where the system allows fewer (4096 is usual), the others would have to
/// try again after a second; so there are several queues where it shares connections out among them.
const BACKLOG: u32 = 16 * 1024;
const QUEUES: usize = if cfg!(target_os = "linux") { 8 } else { 1 };

struct Server {
    site: Site,
    /// How many wait for an answer now, and how many there ever were at once.
    waiting: AtomicUsize,
    most_waiting: AtomicUsize,
    /// Has no permits and never gets any: it is closed when the crowd is there.
    gate: Semaphore,
}

pub(crate) fn serve(site: Site) -> io::Result<()> {
    let server = Arc::new(Server {
        site,
        waiting: AtomicUsize::new(0),
        most_waiting: AtomicUsize::new(0),
        gate: Semaphore::new(0),
    });
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let mut address = (Ipv4Addr::LOCALHOST, 0).into();
        for _ in 0..QUEUES {
            let socket = TcpSocket::new_v4()?;
            #[cfg(target_os = "linux")]
            socket.set_reuseport(true)?;
            socket.bind(address)?;
            let listener = socket.listen(BACKLOG)?;
            address = listener.local_addr()?;
            tokio::spawn(accept(listener, server.clone()));
        }
        report::print(&format!("{}\n", address.port()))?;
        spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await?
    })?;
    runtime.shutdown_background();
    report::print(&format!("{}\n", server.most_waiting.load(Ordering::Relaxed)))
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let server = server.clone();
                let answer = service_fn(move |request| answer(server.clone(), request));
                // One download per connection, as if each were from another host.
                let connection = http1::Builder::new()
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), answer);
                // What goes wrong here (the client has left) is what the client reports.
                tokio::spawn(async { _ = connection.await });
            }
            // No descriptors, perhaps. Some will be free soon.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Answers `/7` with page 7.
async fn answer<B>(server: Arc<Server>, request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let number = request.uri().path().trim_start_matches('/').parse();
    let (status, body) = match number {
        Err(_) => (StatusCode::NOT_FOUND, String::new()),
        Ok(page) => {
            server.think(page).await;
            if is_broken(page) {
                (StatusCode::INTERNAL_SERVER_ERROR, String::new())
            } else {
                (StatusCode::OK, contents(page))
            }
        }
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    Ok(response)
}

impl Server {
    async fn think(&self, page: usize) {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_waiting.fetch_max(waiting, Ordering::Relaxed);
        if waiting >= self.site.crowd {
            self.gate.close();
        }
        // Waits until the gate is closed for good, which is when it is open.
        _ = self.gate.acquire().await;
        sleep(self.site.latency_of(page)).await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
