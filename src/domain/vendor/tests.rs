//! Every vendor is complete.

use super::*;

const ADDRESSES: Addresses<'static> = Addresses {
    redirect: "https://muster.example/signin/x/callback",
    post_logout: "https://muster.example/signin",
};

#[test]
fn the_stable_name_is_the_one_in_serialised_form_and_reads_back() {
    for vendor in Vendor::ALL {
        assert_eq!(Vendor::from_key(vendor.key()), Some(vendor));
        assert_eq!(serde_json::to_value(vendor).unwrap(), vendor.key());
    }
    assert_eq!(Vendor::from_key("Entra"), None);
}

#[test]
fn every_vendor_says_where_to_paste_the_redirect_address() {
    for vendor in Vendor::ALL {
        let steps = vendor.instructions(ADDRESSES);
        let pastes = |address: &str| {
            steps
                .iter()
                .filter(|s| s.paste.as_deref() == Some(address))
                .count()
        };
        assert_eq!(pastes(ADDRESSES.redirect), 1, "{vendor:?}");
        let signs_out = usize::from(vendor != Vendor::Google);
        assert_eq!(pastes(ADDRESSES.post_logout), signs_out, "{vendor:?}");
        assert!(
            steps
                .iter()
                .all(|s| s.text.ends_with('.') || s.text.ends_with("address.")),
            "{vendor:?}"
        );
    }
}

#[test]
fn every_preset_asks_for_an_identity_and_forces_in_some_way_if_the_vendor_can_be_forced() {
    for vendor in Vendor::ALL {
        let preset = vendor.preset();
        assert!(
            preset.scopes.split(' ').any(|scope| scope == "openid"),
            "{vendor:?}"
        );
        let forces = preset.prompt == Prompt::Login
            || preset.max_age != MaxAge::Unsent
            || !preset.acr_values.is_empty();
        assert_eq!(
            forces,
            vendor.reauth_advice().forcible != Forcible::No,
            "{vendor:?}"
        );
        assert_eq!(
            preset.acr_values, preset.required_acr,
            "asked for, so checked: {vendor:?}"
        );
    }
}

#[test]
fn onelogin_is_asked_by_its_own_class_and_google_by_nothing() {
    let values = Vendor::OneLogin.preset().values();
    assert_eq!(values["acr_values"], "onelogin:nist:level:1:re-auth");
    assert_eq!(values["required_acr"], values["acr_values"]);
    let values = Vendor::Google.preset().values();
    assert_eq!(
        (values["max_age"].as_str(), values["prompt"].as_str()),
        ("none", "unsent")
    );
    assert_eq!(values["claims_auth_time"], "yes");
}

#[test]
fn advice_and_notes_are_there_for_every_vendor_and_say_please_nowhere() {
    for vendor in Vendor::ALL {
        let advice = vendor.reauth_advice();
        assert!(
            !advice.steps.is_empty() && !advice.traps.is_empty(),
            "{vendor:?}"
        );
        assert!(!vendor.groups_notes().is_empty(), "{vendor:?}");
        let steps = vendor.instructions(ADDRESSES);
        let words = steps.iter().map(|s| s.text.as_str());
        let all = words
            .chain(advice.steps.iter().copied())
            .chain(advice.traps.iter().copied())
            .chain(vendor.groups_notes().iter().copied())
            .chain([
                vendor.summary(),
                vendor.issuer_help(),
                advice.by,
                advice.states,
            ]);
        for text in all {
            let lower = text.to_lowercase();
            assert!(
                !lower.contains("please") && !lower.contains("successfully") && !text.contains('!'),
                "{text}"
            );
        }
    }
}
