//! The suite on a real server: one for each test.

use super::{Ground, hold_to_the_seam};
use crate::{
    cluster::{
        broker::{Broker, redis::RedisBroker},
        local_server::LocalServer,
    },
    sync::Mutex,
};

struct Server {
    broker: RedisBroker,
    server: Mutex<LocalServer>,
}

impl Server {
    fn start() -> Self {
        let server = LocalServer::start_for_test(&[]);
        Self {
            broker: RedisBroker::new(server.address(), "pool", "b01d").unwrap(),
            server: Mutex::new(server),
        }
    }
}

impl Ground for Server {
    fn broker(&self) -> &dyn Broker {
        &self.broker
    }

    fn wipe(&self) {
        self.server.lock().wipe();
    }

    fn restart(&self) {
        self.server.lock().restart();
    }
}

hold_to_the_seam!(Server::start());
