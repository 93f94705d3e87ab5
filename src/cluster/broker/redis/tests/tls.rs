//! Encrypted connections, and what goes wrong with them.

use super::*;
use crate::ClusterError;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A folder with two authorities, one of which has signed the server's certificate.
struct Certificates(TempDir);

impl Certificates {
    fn make(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = || {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
        };
        let (ours, theirs) = (authority(), authority());
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let server = params.signed_by(&key, &ours).unwrap();
        for (file, pem) in [
            ("ca", ours.pem()),
            ("other", theirs.pem()),
            ("cert", server.pem()),
            ("key", key.serialize_pem()),
        ] {
            fs::write(folder.path().join(file), pem).unwrap();
        }
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A server that speaks TLS at a port, and not otherwise.
    fn server(&self) -> (LocalServer, u16) {
        let file = |name: &str| self.file(name).into_os_string().into_string().unwrap();
        let (ca, cert, key) = (file("ca"), file("cert"), file("key"));
        LocalServer::start_with_port(
            "--tls-port",
            &[
                "--tls-auth-clients",
                "no",
                "--tls-ca-cert-file",
                &ca,
                "--tls-cert-file",
                &cert,
                "--tls-key-file",
                &key,
            ],
        )
    }
}

fn check(url: &str, ca: Option<&Path>) -> Result<(), ClusterError> {
    let address = Address::parse(url, false, ca.map(Path::to_owned)).unwrap();
    let result = RedisBroker::new(address, "pool", "b01d").and_then(|broker| {
        text(&broker);
        broker.check()
    });
    if let Err(error) = &result {
        text(error);
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
    result
}

#[test]
fn an_encrypted_connection_is_one_to_who_has_the_certificate() {
    let certificates = Certificates::make("127.0.0.1");
    let (server, port) = certificates.server();
    server.ask(&["CONFIG", "SET", "requirepass", SECRET]);
    let url = format!("rediss://:{SECRET}@127.0.0.1:{port}");
    let ca = certificates.file("ca");
    check(&url, Some(&ca)).unwrap();

    let address = Address::parse(&url, false, Some(ca.clone())).unwrap();
    let mut session = broker(address).open().unwrap();
    let me = client("me");
    session.enlist(&me).unwrap();
    submit(&mut *session, &me, None, &[1]);
    let tasks = session.fetch(&worker("w"), &[], 1, LONG).unwrap();
    assert_eq!(bodies(&tasks), ["1"]);
    let blob = super::super::super::BlobKey("k".into());
    session.put(&blob, &vec![3; 20 << 20]).unwrap();
    assert_eq!(session.get(&blob).unwrap().unwrap().len(), 20 << 20);

    let wrong = |url: &str, ca: Option<&Path>| match check(url, ca) {
        Err(ClusterError::Refused { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let reason = wrong(&url, Some(&certificates.file("other")));
    assert!(reason.contains("certificate"), "{reason}");
    let reason = wrong(&url, None);
    assert!(reason.contains("certificate"), "{reason}");
    let reason = wrong(&url.replace("127.0.0.1", "localhost"), Some(&ca));
    assert!(reason.contains("certificate"), "{reason}");
    let reason = wrong(&format!("rediss://:wrong@127.0.0.1:{port}"), Some(&ca));
    assert!(reason.contains("WRONGPASS"), "{reason}");
}

#[test]
fn a_certificate_file_that_has_none_is_named() {
    let certificates = Certificates::make("127.0.0.1");
    for file in ["nothing", "key"] {
        let error = check("rediss://127.0.0.1:1", Some(&certificates.file(file))).unwrap_err();
        assert!(
            matches!(&error, ClusterError::Address(reason) if reason.contains(file)),
            "{error}"
        );
    }
}

#[test]
fn plain_and_encrypted_do_not_understand_each_other_and_say_so() {
    let certificates = Certificates::make("127.0.0.1");
    let (_server, port) = certificates.server();
    let error = check(&format!("redis://:{SECRET}@127.0.0.1:{port}"), None).unwrap_err();
    assert!(
        matches!(
            &error,
            ClusterError::Refused { .. } | ClusterError::Unreachable { .. }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("`rediss://`"), "{error}");

    let (_server, port) = LocalServer::start_with_port("--port", &[]);
    let ca = certificates.file("ca");
    let error = check(&format!("rediss://:{SECRET}@127.0.0.1:{port}"), Some(&ca)).unwrap_err();
    // The server may wait for more of what it takes for a line.
    assert!(
        matches!(
            &error,
            ClusterError::Refused { .. } | ClusterError::Unreachable { .. }
        ),
        "{error}"
    );
}
