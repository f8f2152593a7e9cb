//! Every line of the `CapabilityStatement` is tried on the running server: what it promises works, and what it does not
//! mention is refused.

use serde_json::{Value, json};

use crate::support::{Client, Server};

fn codes<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().into_iter().flatten().map(|item| item[name].as_str().unwrap()).collect()
}

#[test]
fn every_line_of_the_capability_statement_holds() {
    let server = Server::start();
    let client = server.client(&server.machine("walker", 1, "system/*.cruds"));
    let statement = client.get("/fhir/R4/metadata").json();
    assert_eq!(statement["implementation"]["url"], format!("{}/fhir/R4", server.url));
    let rest = &statement["rest"][0];
    let mut tried = 0;
    for code in codes(&rest["interaction"], "code") {
        system_interaction(&client, code);
        tried += 1;
    }
    for parameter in rest["searchParam"].as_array().unwrap() {
        let (name, kind) = (parameter["name"].as_str().unwrap(), parameter["type"].as_str().unwrap());
        let condition = if name == "_type" { String::new() } else { format!("&{name}={}", sample(name, kind)) };
        found(&client, &format!("/fhir/R4?_type=Patient,Observation{condition}"));
        tried += 1;
    }
    for resource in rest["resource"].as_array().unwrap() {
        let type_name = resource["type"].as_str().unwrap();
        for code in codes(&resource["interaction"], "code") {
            type_interaction(&client, type_name, code);
            tried += 1;
        }
        for parameter in resource["searchParam"].as_array().unwrap() {
            let (name, kind) = (parameter["name"].as_str().unwrap(), parameter["type"].as_str().unwrap());
            found(&client, &format!("/fhir/R4/{type_name}?{name}={}", sample(name, kind)));
            tried += 1;
        }
        for (option, list) in [("_include", "searchInclude"), ("_revinclude", "searchRevInclude")] {
            for value in resource[list].as_array().unwrap() {
                found(&client, &format!("/fhir/R4/{type_name}?_id=none&{option}={}", value.as_str().unwrap()));
                tried += 1;
            }
        }
        for operation in codes(&resource["operation"], "name") {
            type_operation(&client, type_name, operation);
            tried += 1;
        }
        let unknown = client.get(&format!("/fhir/R4/{type_name}?no-such-parameter=1"));
        assert_eq!(unknown.status, 400, "{type_name} takes a parameter that it does not mention");
    }
    assert!(tried > 1500, "only {tried} lines were tried");
    assert_eq!(client.get("/fhir/R4/Basic?_count=1").status, 404, "a type that is not mentioned");
}

fn found(client: &Client, path: &str) {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    assert_eq!(answer.json()["type"], "searchset", "{path}");
}

/// A value of the kind that the statement promises.
fn sample(name: &str, kind: &str) -> &'static str {
    match (kind, name) {
        ("token", "_id") => "none",
        ("token", _) => "x",
        ("string", _) => "x",
        ("date", _) => "ge2020-01-01",
        ("number", _) => "gt0.5",
        ("quantity", _) => "5.4",
        ("uri", _) => "http://example.org/x",
        ("reference", _) => "Patient/none",
        ("composite", name) if name.ends_with("-quantity") => "x$5.4",
        ("composite", name) if name.ends_with("-date") => "x$ge2020",
        ("composite", "relationship") => "DocumentReference/none$x",
        ("composite", _) => "x$x",
        (other, _) => panic!("a kind of parameter that nobody promised: {other}"),
    }
}

fn system_interaction(client: &Client, code: &str) {
    let bundle = |kind: &str| json!({"resourceType": "Bundle", "type": kind, "entry": []});
    let answer = match code {
        "transaction" | "batch" => client.post("/fhir/R4", &bundle(code)),
        "history-system" => client.get("/fhir/R4/_history"),
        "search-system" => client.get("/fhir/R4?_type=Patient"),
        other => panic!("an interaction that nobody tried: {other}"),
    };
    assert_eq!(answer.status, 200, "{code}: {}", answer.body);
}

/// A body of the right type goes through the door and may be refused behind it for what it lacks; a door that is not there
/// answers 404 or 405.
fn type_interaction(client: &Client, type_name: &str, code: &str) {
    let headers = |kind: &str| [("content-type".to_owned(), kind.to_owned())];
    let fhir = headers("application/fhir+json");
    let body = json!({"resourceType": type_name, "id": "none", "language": 7}).to_string();
    let path = format!("/fhir/R4/{type_name}");
    let one = format!("{path}/none");
    let (answer, expected): (_, &[u16]) = match code {
        "read" => (client.get(&one), &[404]),
        "vread" => (client.get(&format!("{one}/_history/1")), &[404]),
        "history-instance" => (client.get(&format!("{one}/_history")), &[404]),
        "history-type" => (client.get(&format!("{path}/_history")), &[200]),
        "search-type" => (client.get(&format!("{path}?_count=1")), &[200]),
        "create" => (client.send("POST", &path, &fhir, body.as_bytes()).unwrap(), &[422, 400]),
        "update" => (client.send("PUT", &one, &fhir, body.as_bytes()).unwrap(), &[422, 400]),
        "patch" => (client.send("PATCH", &one, &headers("application/json-patch+json"), b"[]").unwrap(), &[404]),
        "delete" => (client.send("DELETE", &one, &[], &[]).unwrap(), &[204, 404]),
        other => panic!("an interaction that nobody tried: {other}"),
    };
    assert!(expected.contains(&answer.status), "{type_name} {code}: {} {}", answer.status, answer.body);
    if answer.status == 404 {
        assert_eq!(answer.json()["issue"][0]["details"]["coding"][0]["code"], "not-found");
        assert!(!answer.body.contains("no such path"), "{type_name} {code}");
    }
}

fn type_operation(client: &Client, type_name: &str, name: &str) {
    let (answer, expected) = match name {
        "validate" => {
            let body = json!({"resourceType": type_name});
            (client.post(&format!("/fhir/R4/{type_name}/$validate"), &body), 200)
        }
        "everything" => (client.get(&format!("/fhir/R4/{type_name}/none/$everything")), 404),
        "match" => {
            let described = json!({"resourceType": "Patient", "name": [{"text": "周不识"}], "birthDate": "1966-06-06"});
            let parameters =
                json!({"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": described}]});
            (client.post("/fhir/R4/Patient/$match", &parameters), 200)
        }
        // Nobody is known under this number.
        "ihe-pix" => (client.get("/fhir/R4/Patient/$ihe-pix?sourceIdentifier=urn:example:none%7C1"), 404),
        other => panic!("an operation that nobody tried: {other}"),
    };
    assert_eq!(answer.status, expected, "{type_name} ${name}: {}", answer.body);
}
