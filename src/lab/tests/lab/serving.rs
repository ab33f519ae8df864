//! The lab on a real socket, and the sockets it refuses.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use muster_lab::{Lab, LabError, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::world::options;

#[tokio::test]
async fn the_lab_serves_on_loopback_until_told_to_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let lab = Lab::new(options(&address.to_string()).0).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, lab.clone(), async {
        let _ = stopped.await;
    }));
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let path = "/silent/.well-known/openid-configuration";
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains(&format!(r#""issuer":"http://{address}/silent""#)));
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_address_other_machines_can_reach_is_refused() {
    for address in ["0.0.0.0:9000", "192.168.1.1:9000", "[::]:9000"] {
        let made = Lab::new(options(address).0);
        assert!(matches!(made, Err(LabError::NotLoopback(_))), "{address}");
    }
    let lab = Lab::new(options("127.0.0.1:9000").0).unwrap();
    for address in ["0.0.0.0:0", "127.0.0.1:0"] {
        let listener = TcpListener::bind(address).await.unwrap();
        let refused = serve(listener, lab.clone(), async {}).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{address}");
    }
}
