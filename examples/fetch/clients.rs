//! One download, with a client that blocks and with one that does not.

use crate::site::Download;
use http_body_util::{BodyExt, Empty};
use hyper::{Uri, body::Bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{error::Error, time::Duration};

/// Longer than any answer takes that is still to come.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct BlockingClient(ureq::Agent);

impl BlockingClient {
    pub(crate) fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            // As much as the other client has. Less is more if there are thousands.
            .input_buffer_size(8 * 1024)
            .output_buffer_size(8 * 1024);
        Self(config.build().into())
    }

    pub(crate) fn download(&self, url: &str) -> Download {
        let answer = || {
            let response = self.0.get(url).call()?;
            let status = response.status();
            let body = response.into_body().read_to_vec()?;
            Ok((status, body.len() as u64))
        };
        finish(answer().map_err(|error: ureq::Error| in_full(&error)))
    }
}

#[derive(Clone)]
pub(crate) struct AsyncClient(Client<HttpConnector, Empty<Bytes>>);

impl AsyncClient {
    pub(crate) fn new() -> Self {
        let mut config = Client::builder(TokioExecutor::new());
        // The server closes every connection, so there is nothing to keep for the next download.
        Self(config.pool_max_idle_per_host(0).build_http())
    }

    pub(crate) async fn download(self, url: String) -> Download {
        let answer = async {
            let url: Uri = url.parse()?;
            let response = self.0.get(url).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok((status, body.len() as u64))
        };
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}").into()));
        finish(answer.map_err(|error: Box<dyn Error + Send + Sync>| in_full(&*error)))
    }
}

/// An answer that says that something is wrong is no download.
fn finish(answer: Result<(hyper::StatusCode, u64), String>) -> Download {
    let (status, bytes) = answer?;
    if status.is_success() {
        Ok(bytes)
    } else {
        Err(status.to_string())
    }
}

/// An error and what it comes from.
fn in_full(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"))
}
