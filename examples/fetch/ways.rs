//! The ways to download everything. Each gives outcomes in the order of the pages.

use crate::{
    clients::{AsyncClient, BlockingClient},
    site::Download,
};
use concurrent_futures::{AsyncBridge, TaskError, ThreadPool};
use serde::{Deserialize, Serialize};
use std::{str::FromStr, sync::Arc};
use tokio::{runtime::Runtime, sync::Semaphore, task::JoinSet};

/// Threads that an `AsyncBridge` has for blocking calls at most, unless it is told otherwise.
pub(crate) const BRIDGE_THREADS: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    Serial,
    Threads,
    BridgeBlocking,
    BridgeAsync,
    JoinSet,
}

/// What a way is asked to do. It crosses to the process that does it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) way: Way,
    pub(crate) port: u16,
    pub(crate) downloads: usize,
    /// For the way that has to know in advance.
    pub(crate) threads: usize,
    /// How many an async way may have under way at once.
    pub(crate) in_flight: usize,
}

impl Order {
    fn urls(&self) -> impl Iterator<Item = String> + Send + use<> {
        let port = self.port;
        (0..self.downloads).map(move |page| format!("http://127.0.0.1:{port}/{page}"))
    }

    /// How many downloads may be under way at once.
    pub(crate) fn most_at_once(&self) -> usize {
        match self.way {
            Way::Serial => 1,
            Way::Threads => self.threads,
            Way::BridgeBlocking => BRIDGE_THREADS,
            Way::BridgeAsync | Way::JoinSet => self.in_flight,
        }
    }

    pub(crate) fn run(&self) -> Vec<Download> {
        match self.way {
            Way::Serial => self.serial(),
            Way::Threads => self.threads(),
            Way::BridgeBlocking => self.bridge_blocking(),
            Way::BridgeAsync => self.bridge_async(),
            Way::JoinSet => self.joinset(),
        }
    }

    fn serial(&self) -> Vec<Download> {
        let client = BlockingClient::new();
        self.urls().map(|url| client.download(&url)).collect()
    }

    fn threads(&self) -> Vec<Download> {
        let client = BlockingClient::new();
        let pool = ThreadPool::with_workers(self.threads);
        let downloads = pool.map(move |url: String| client.download(&url), self.urls());
        downloads.map(flat).collect()
    }

    /// Calls go to threads beside the runtime: as many as it takes, so nobody has to know in advance.
    fn bridge_blocking(&self) -> Vec<Download> {
        let client = BlockingClient::new();
        let bridge = AsyncBridge::new();
        let downloads = bridge.map(move |url: String| client.download(&url), self.urls());
        downloads.map(flat).collect()
    }

    fn bridge_async(&self) -> Vec<Download> {
        let client = AsyncClient::new();
        let bridge = AsyncBridge::new().options().max_in_flight(self.in_flight);
        let downloads = bridge.map_async(move |url| client.clone().download(url), self.urls());
        downloads.map(flat).collect()
    }

    /// Without this crate: the bound, the numbers and the order by hand.
    fn joinset(&self) -> Vec<Download> {
        let client = AsyncClient::new();
        let in_flight = Arc::new(Semaphore::new(self.in_flight));
        let runtime = Runtime::new().expect("a runtime");
        let mut downloads = runtime.block_on(async {
            let mut running = JoinSet::new();
            for (page, url) in self.urls().enumerate() {
                let (in_flight, client) = (in_flight.clone(), client.clone());
                running.spawn(async move {
                    let _permit = in_flight.acquire().await;
                    (page, client.download(url).await)
                });
            }
            running.join_all().await
        });
        downloads.sort_by_key(|(page, _)| *page);
        downloads.into_iter().map(|(_, download)| download).collect()
    }
}

/// A task may fail as well as the download in it.
fn flat(outcome: Result<Download, TaskError>) -> Download {
    outcome.unwrap_or_else(|error| Err(error.to_string()))
}

impl Way {
    pub(crate) const ALL: [Self; 5] = [
        Self::Serial,
        Self::Threads,
        Self::BridgeBlocking,
        Self::BridgeAsync,
        Self::JoinSet,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Threads => "threads",
            Self::BridgeBlocking => "bridge-blocking",
            Self::BridgeAsync => "bridge-async",
            Self::JoinSet => "joinset",
        }
    }

    /// Whether it can have any number of downloads under way.
    pub(crate) fn is_async(self) -> bool {
        matches!(self, Self::BridgeAsync | Self::JoinSet)
    }
}

impl FromStr for Way {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|way| way.name() == name)
            .ok_or_else(|| format!("there is no way {name:?}; there are: {}", names()))
    }
}
