//! Descriptions that can be deployed, and what is said about them all the same.

use super::told;

#[test]
fn what_somebody_should_know() {
    let told = told(&[
        (
            "no way to the secret",
            "stack: shop\nnetwork: {nat: none}\ndatabase: {}\nproxy: {}\nservice: {image: \"public.ecr.aws/a/b:1\"}\n",
        ),
        (
            "no way to the internet",
            "stack: shop\nnetwork: {nat: none, endpoints: [secretsmanager]}\ndatabase: {}\nproxy: {}\nservice: {image: \"public.ecr.aws/a/b:1\"}\n",
        ),
        (
            "a database that never pauses",
            "stack: shop\ndatabase: {capacity: {min: 0, pause_after: 10 min}}\nproxy: {}\n",
        ),
        ("data without protection", "stack: shop\ndatabase: {protect: false, on_destroy: delete}\n"),
        ("one way out of three zones", "stack: shop\nnetwork: {zones: 3}\n"),
        ("one way out, and a reader", "stack: shop\ndatabase: {readers: 1}\n"),
        ("few addresses", "stack: shop\nnetwork: {cidr: 10.0.0.0/24}\ndatabase: {capacity: {max: 32}}\nproxy: {}\n"),
        ("a proxy that tells", "stack: shop\ndatabase: {}\nproxy: {require_tls: false, debug_logging: true}\n"),
        (
            "the image that was pushed last",
            "stack: shop\nservice: {image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop}\n",
        ),
        ("a mistyped region", "stack: shop\nregion: eu-cental-1\n"),
        ("a mistyped endpoint", "stack: shop\nnetwork: {endpoints: [secretmanager]}\n"),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn nothing_is_said_without_need() {
    for text in [
        "stack: shop\n",
        "stack: shop\nnetwork: {nat: none}\n",
        "stack: shop\ndatabase: {capacity: {min: 0, pause_after: 10 min}}\n",
        "stack: shop\nnetwork: {zones: 3, nat: per-zone}\ndatabase: {readers: 2}\nproxy: {}\n",
        "stack: shop\nservice: {image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:1.4.2}\n",
        "stack: shop\nservice: {image: public.ecr.aws/aws-containers/hello-app-runner:latest}\n",
        "stack: shop\nregion: eu-central-9\nnetwork: {endpoints: [some-new-service]}\n",
    ] {
        assert_eq!(told(&[("", text)]).trim(), "# \nvalid", "{text}");
    }
}
