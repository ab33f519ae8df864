//! The relying party against a provider that lies in every way it can. Tests are named after the rows of
//! the attack catalogue (`o13_…`) and the modules of the OpenID conformance suite (`oidcc_client_test_…`).

#[cfg(test)]
mod answer;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod config;
#[cfg(test)]
mod evil;
#[cfg(test)]
mod examine;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod logout;
#[cfg(test)]
mod noise;
#[cfg(test)]
mod request;
#[cfg(test)]
mod signature;
#[cfg(test)]
mod signed;
#[cfg(test)]
mod transport;
