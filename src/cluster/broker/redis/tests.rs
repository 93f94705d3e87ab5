//! What is the server's own. What every engine does is tested by the suite of the seam.

mod access;
mod blobs;
mod operations;
mod outages;
mod tls;

use super::{
    super::{
        Broker as _, ClientId, Delivery, Ended, Fault, Outgoing, Place, Position, Recall, Recalled, Returned,
        Session, Submitted, WorkerId,
    },
    RedisBroker,
};
use crate::cluster::{address::Address, local_server::LocalServer};
use std::time::Duration;

/// Longer than anything takes that does not hang.
const LONG: Duration = Duration::from_secs(60);
const NOW: Duration = Duration::ZERO;
const SECRET: &str = "s3cr3t-Pa55";

fn broker(address: Address) -> RedisBroker {
    RedisBroker::new(address, "pool", "b01d").unwrap()
}

fn at(url: &str) -> RedisBroker {
    broker(Address::parse(url, false, None).unwrap())
}

fn client(name: &str) -> ClientId {
    ClientId(name.to_owned())
}

fn worker(name: &str) -> WorkerId {
    WorkerId(name.to_owned())
}

/// Submits tasks with these numbers, whose bodies are the numbers.
fn submit(session: &mut dyn Session, client: &ClientId, label: Option<&str>, numbers: &[u64]) -> Submitted {
    let bodies: Vec<String> = numbers.iter().map(u64::to_string).collect();
    let batch: Vec<_> = numbers
        .iter()
        .zip(&bodies)
        .map(|(&number, body)| Outgoing {
            number,
            body: body.as_bytes(),
        })
        .collect();
    session.submit(client, label, 1_000_000, &batch).unwrap()
}

/// The places of tasks that were stored.
fn places(submitted: Submitted) -> Vec<Position> {
    let Submitted::Stored(places) = submitted else {
        panic!("the client is not known");
    };
    places
        .into_iter()
        .map(|place| place.expect("it is new"))
        .collect()
}

fn bodies(deliveries: &[Delivery]) -> Vec<&str> {
    let body =
        |delivery: &'_ Delivery| std::str::from_utf8(&delivery.body).unwrap().to_owned().leak() as &str;
    deliveries.iter().map(body).collect()
}

fn ended(delivery: &Delivery, client: &ClientId, result: &str) -> Ended {
    Ended {
        place: delivery.place.clone(),
        client: client.clone(),
        result: Some(result.into()),
    }
}

fn results(session: &mut dyn Session, client: &ClientId) -> Vec<String> {
    let found = session.results(client, Position::default(), NOW).unwrap();
    found
        .into_iter()
        .map(|arrival| String::from_utf8(arrival.body).unwrap())
        .collect()
}

fn text(fault: &impl std::fmt::Debug) -> String {
    let text = format!("{fault:?}");
    assert!(!text.contains(SECRET), "{text}");
    text
}
