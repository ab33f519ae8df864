//! The public address.

use muster_domain::role::Role;
use muster_services::site;
use muster_testing::TestWorld;

#[tokio::test]
async fn the_public_address_is_set_by_superadmins_who_prove_presence() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    let listening = site::url(s).await.unwrap();
    assert_eq!(listening.as_str(), "http://127.0.0.1:3000/");
    let sue = world.persona("sue", &[Role::Superadmin]).await.unwrap();
    let sue = world.elevate(&sue).await.unwrap();
    let adam = world.persona("adam", &[Role::Admin]).await.unwrap();
    let adam = world.elevate(&adam).await.unwrap();
    let wanted = "https://muster.example.org";
    let error = site::set(s, &adam.call, &adam.call.elevated().unwrap(), wanted).await;
    assert_eq!(error.unwrap_err().code, "WEB-403");
    // Somebody else's secure session is none.
    let error = site::set(s, &sue.call, &adam.call.elevated().unwrap(), wanted).await;
    assert_eq!(error.unwrap_err().code, "ELV-002");
    assert_eq!(site::stored(s).await.unwrap(), None);
    site::set(s, &sue.call, &sue.call.elevated().unwrap(), wanted)
        .await
        .unwrap();
    let callback = site::callback(s, "corp").await.unwrap();
    let expected = "https://muster.example.org/signin/corp/callback";
    assert_eq!(callback.as_str(), expected);
    let plain = "http://muster.example.org";
    let error = site::set(s, &sue.call, &sue.call.elevated().unwrap(), plain).await;
    assert_eq!(error.unwrap_err().fields[0].field, "url");
    assert_eq!(site::callback(s, "corp").await.unwrap(), callback);
}
