//! A connection: commands out, values in, within bounds of time.

use super::{super::Fault, faults, scripts::Script};
use crate::cluster::address::Address;
use redis::{
    Client, Cmd, Connection, ConnectionLike, RedisError, RedisResult, ServerErrorKind, TlsCertificates, Value,
};
use std::{fs, time::Duration};

/// For each address that a name has; and for the server to answer, or to take some more of what is sent. Without that it would be the
/// system which finds a connection whose other end is gone without a word: after a quarter of an hour.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Link {
    /// `None` after an error that leaves nobody knowing which answer comes next.
    connection: Option<Connection>,
    /// How long a read waits as the connection is set now.
    waits: Duration,
    address: Address,
}

/// How to connect, with the certificates read.
pub(super) fn client(address: &Address) -> Result<Client, String> {
    if address.is_encrypted() && rustls::crypto::CryptoProvider::get_default().is_none() {
        // In a program whose crates bring several none is chosen. Somebody may be faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let info = address.way().map_err(|error| error.to_string())?;
    match address.ca() {
        Some(path) if address.is_encrypted() => {
            let shown = path.display();
            let pem =
                fs::read(path).map_err(|error| format!("its certificate {shown} cannot be read: {error}"))?;
            let has_none = !pem
                .windows(27)
                .any(|window| window == b"-----BEGIN CERTIFICATE-----");
            if has_none {
                return Err(format!("{shown} has no certificate in PEM"));
            }
            let certificates = TlsCertificates {
                client_tls: None,
                root_cert: Some(pem),
            };
            Client::build_with_tls(info, certificates).map_err(|error| format!("{shown}: {error}"))
        }
        _ => Client::open(info).map_err(|error| error.to_string()),
    }
}

impl Link {
    pub(super) fn open(client: &Client, address: &Address) -> Result<Self, Fault> {
        let connect = || -> RedisResult<(Connection, Vec<Value>)> {
            let mut connection = client.get_connection_with_timeout(PATIENCE)?;
            connection.set_read_timeout(Some(PATIENCE))?;
            connection.set_write_timeout(Some(PATIENCE))?;
            let greeting = greet(address);
            let answers =
                connection.req_packed_commands(&greeting.get_packed_pipeline(), 0, greeting.len())?;
            Ok((connection, answers))
        };
        let (connection, answers) =
            connect().map_err(|error| tidy(address, faults::of_connection(&error, false)))?;
        for answer in &answers {
            match answer {
                // It is there, and says what this user may do; that the `PING` is not, says nothing about the rest.
                Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoPerm) => {}
                Value::ServerError(error) => return Err(tidy(address, faults::of_server(error))),
                _ => {}
            }
        }
        Ok(Self {
            connection: Some(connection),
            waits: PATIENCE,
            address: address.clone(),
        })
    }

    /// Sends them together. Answers may be errors of the server.
    pub(super) fn ask_all(&mut self, commands: &[Cmd], wait: Duration) -> Result<Vec<Value>, Fault> {
        let mut packed = Vec::new();
        for command in commands {
            command.write_packed_command(&mut packed);
        }
        self.exchange(wait, |connection| {
            connection.req_packed_commands(&packed, 0, commands.len())
        })
    }

    /// The answer, which may be an error of the server.
    pub(super) fn ask_plainly(&mut self, command: &Cmd, wait: Duration) -> Result<Value, Fault> {
        self.exchange(wait, |connection| connection.req_command(command))
    }

    pub(super) fn ask(&mut self, command: &Cmd) -> Result<Value, Fault> {
        let answer = self.ask_plainly(command, Duration::ZERO)?;
        self.accept(answer)
    }

    /// Lets the server take a step.
    pub(super) fn step(
        &mut self,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<Value, Fault> {
        let answer = self.ask_plainly(&call(script, keys, arguments), Duration::ZERO)?;
        match answer {
            Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript) => {
                self.ask(&invocation("EVAL", script.code, keys, arguments))
            }
            answer => self.accept(answer),
        }
    }

    /// An error of the server is a fault, and with one that says that this server is of no use the connection is over.
    pub(super) fn accept(&mut self, answer: Value) -> Result<Value, Fault> {
        let Value::ServerError(error) = answer else {
            return Ok(answer);
        };
        let fault = faults::of_server(&error);
        if matches!(fault, Fault::Away(_)) {
            self.connection = None;
        }
        Err(tidy(&self.address, fault))
    }

    fn exchange<T>(
        &mut self,
        wait: Duration,
        talk: impl FnOnce(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, Fault> {
        let Some(connection) = &mut self.connection else {
            return Err(Fault::Away("the connection is broken".to_owned()));
        };
        let waits = wait + PATIENCE;
        let set = if waits == self.waits {
            Ok(())
        } else {
            connection.set_read_timeout(Some(waits))
        };
        self.waits = waits;
        set.and_then(|()| talk(connection)).map_err(|error: RedisError| {
            self.connection = None;
            tidy(&self.address, faults::of_connection(&error, true))
        })
    }
}

/// What is sent first.
fn greet(address: &Address) -> redis::Pipeline {
    let settings = address.settings();
    let mut pipeline = redis::pipe();
    if let Some(password) = settings.password() {
        let auth = pipeline.cmd("AUTH");
        if let Some(user) = settings.username() {
            auth.arg(user);
        }
        auth.arg(password);
    }
    if settings.db() != 0 {
        pipeline.cmd("SELECT").arg(settings.db());
    }
    pipeline.cmd("PING");
    pipeline
}

/// Calls a script by its hash.
pub(super) fn call(script: &Script, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
    invocation("EVALSHA", script.hash(), keys, arguments)
}

fn invocation(verb: &str, script: &str, keys: &[&str], arguments: &[&[u8]]) -> Cmd {
    let bytes = arguments.iter().map(|argument| argument.len()).sum::<usize>();
    let mut command = Cmd::with_capacity(3 + keys.len() + arguments.len(), bytes + script.len() + 256);
    command.arg(verb).arg(script).arg(keys.len()).arg(keys);
    for argument in arguments {
        command.arg(*argument);
    }
    command
}

fn tidy(address: &Address, fault: Fault) -> Fault {
    match fault {
        Fault::Away(text) => Fault::Away(address.without_secrets(text)),
        Fault::Full(text) => Fault::Full(address.without_secrets(text)),
        Fault::Refused(text) => Fault::Refused(address.without_secrets(text)),
    }
}
