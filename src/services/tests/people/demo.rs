//! The demo.

use muster_services::demo;
use muster_services::users::{self, Paging, UserFilter};
use muster_testing::TestWorld;

#[tokio::test]
async fn the_demo_makes_what_it_says_once_and_refuses_its_circle() {
    let world = TestWorld::new().await.unwrap();
    let (s, call) = (&world.services, world.system());
    let filled = demo::fill(s, &call, 600).await.unwrap();
    assert_eq!(
        (filled.users, filled.groups, filled.circle_refused),
        (600, 24, true)
    );
    assert!(filled.memberships > 600);
    let page = users::list(s, &call, &UserFilter::default(), &Paging::default())
        .await
        .unwrap();
    assert_eq!(page.total.value(), 600);
    assert_eq!(demo::fill(s, &call, 1).await.unwrap_err().code, "DEMO-001");
    assert_eq!(
        demo::fill(s, &world.anonymous(), 1).await.unwrap_err().code,
        "WEB-403"
    );
}
