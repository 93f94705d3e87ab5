//! The ways to download everything. Each gives outcomes in the order of the pages.

use crate::{
    clients::{AsyncClient, BlockingClient},
    site::Download,
};
use concurrent_futures::{AsyncBridge, TaskError, ThreadPool};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use tokio::{runtime::Runtime, task::JoinSet};

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
}

impl Order {
    fn urls(&self) -> impl Iterator<Item = String> + Send + use<> {
        let port = self.port;
        (0..self.downloads).map(move |page| format!("http://127.0.0.1:{port}/{page}"))
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

    /// Calls go to threads beside the runtime: there are as many as it takes, up to 512.
    fn bridge_blocking(&self) -> Vec<Download> {
        let client = BlockingClient::new();
        let bridge = AsyncBridge::new();
        let downloads = bridge.map(move |url: String| client.download(&url), self.urls());
        downloads.map(flat).collect()
    }

    fn bridge_async(&self) -> Vec<Download> {
        let client = AsyncClient::new();
        let bridge = AsyncBridge::new();
        let all_at_once = bridge.options().buffer_size(self.downloads);
        let downloads = all_at_once.map_async(move |url| client.clone().download(url), self.urls());
        downloads.map(flat).collect()
    }

    /// Without this crate.
    fn joinset(&self) -> Vec<Download> {
        let client = AsyncClient::new();
        let runtime = Runtime::new().expect("a runtime");
        let mut downloads = runtime.block_on(async {
            let mut running = JoinSet::new();
            for (page, url) in self.urls().enumerate() {
                let download = client.clone().download(url);
                running.spawn(async move { (page, download.await) });
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
