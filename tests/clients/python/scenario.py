"""The published client fhirpy, unchanged, against a running Kangmai: python scenario.py BASE TOKEN"""

import sys
import time

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

BASE, TOKEN = sys.argv[1], sys.argv[2]
SYSTEM, MARK = "urn:kangmai:clients", f"fhirpy-{time.time_ns()}"
PASSED = []


def client(**headers):
    return SyncFHIRClient(BASE, authorization=f"Bearer {TOKEN}", extra_headers={k.replace("_", "-"): v for k, v in headers.items()})


def patient_body(number):
    return dict(resourceType="Patient", identifier=[{"system": SYSTEM, "value": f"99-{MARK}-{number}"}], gender="female",
                name=[{"family": "Klient", "given": ["测试", f"No{number}"]}], birthDate=f"198{number}-05-01")


def patient(fhir, number):
    return fhir.resource("Patient", **{k: v for k, v in patient_body(number).items() if k != "resourceType"})


def refused(kind, act):
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}, got an answer")


def people(fhir):
    """create, read, update, history, delete"""
    made = patient(fhir, 1)
    made.save()
    assert made.id and made["meta"]["versionId"] == "1", made
    PASSED.append("create")
    read = fhir.reference("Patient", made.id).to_resource()
    assert read == made and read["name"][0]["given"][0] == "测试"
    PASSED.append("read")
    read["gender"] = "male"
    read.save()
    assert read["meta"]["versionId"] == "2"
    made.refresh()
    assert made["gender"] == "male" and made["meta"]["versionId"] == "2", made
    PASSED.append("update and refresh")
    patched = client(Content_Type="application/json-patch+json").execute(
        f"Patient/{made.id}", method="patch", data=[{"op": "replace", "path": "/gender", "value": "other"}])
    assert patched["gender"] == "other" and patched["meta"]["versionId"] == "3"
    PASSED.append("JSON Patch")
    # fhirpy's own patch() sends a merge patch, which FHIR R4 does not have: the refusal must be said, and nothing changed
    refused(OperationOutcome, lambda: fhir.patch("Patient", made.id, gender="unknown"))
    assert fhir.get("Patient", made.id)["meta"]["versionId"] == "3"
    PASSED.append("a merge patch is refused")
    history = fhir.execute(f"Patient/{made.id}/_history", method="get")
    assert [e["resource"]["meta"]["versionId"] for e in history["entry"]] == ["3", "2", "1"], history
    PASSED.append("history")
    made.delete()
    refused(ResourceNotFound, lambda: fhir.reference("Patient", made.id).to_resource())
    PASSED.append("delete, then gone")


def searching(fhir):
    """search, paging, counting, conditional acts"""
    for number in range(2, 9):
        patient(fhir, number).save()
    mine = fhir.resources("Patient").search(identifier=f"{SYSTEM}|99-{MARK}-4")
    assert mine.get()["birthDate"] == "1984-05-01" and mine.first().id
    PASSED.append("search by identifier")
    values = ",".join(f"{SYSTEM}|99-{MARK}-{n}" for n in range(2, 9))
    everyone = fhir.resources("Patient").search(identifier=values).sort("-birthdate").limit(3)
    dates = [found["birthDate"] for found in everyone]  # iterating follows the next links
    assert dates == sorted(dates, reverse=True) and len(dates) == 7, dates
    assert len(everyone.fetch()) == 3 and len(everyone.fetch_all()) == 7
    PASSED.append("paging and sort")
    refused(MultipleResourcesFound, lambda: fhir.resources("Patient").search(identifier=values).get())
    born = fhir.resources("Patient").search(birthdate__ge="1984-05-01", birthdate__lt="1986-05-01", identifier=values)
    assert len(born.fetch()) == 2
    PASSED.append("date prefixes")
    # fhirpy counts with a parameter of its own (_totalMethod), so it asks for lenient handling
    assert client(Prefer="handling=lenient").resources("Patient").search(identifier=values).count() == 7
    refused(OperationOutcome, lambda: fhir.resources("Patient").search(nonsense="1").fetch())
    PASSED.append("count, and an unknown parameter is refused")
    again = patient(client(If_None_Exist=f"identifier={SYSTEM}|99-{MARK}-4"), 4)
    again.save()
    assert again.id == mine.get().id
    PASSED.append("conditional create finds the one that exists")
    changed = patient(fhir, 4)
    changed["gender"] = "male"
    updated, created = mine.update(changed)
    assert not created and updated["gender"] == "male" and updated.id == again.id
    PASSED.append("conditional update")


def together(fhir):
    """transaction, chain, include, validate"""
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:7c6a1f0a-0002-4000-8000-000000000001", "resource": patient_body(9), "request": {"method": "POST", "url": "Patient"}},
        {"resource": {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
                      "subject": {"reference": "urn:uuid:7c6a1f0a-0002-4000-8000-000000000001"}, "valueQuantity": {"value": 61, "unit": "/min"}},
         "request": {"method": "POST", "url": "Observation"}}]}
    answer = fhir.execute("", data=bundle)
    assert [e["response"]["status"][:3] for e in answer["entry"]] == ["201", "201"], answer
    found = fhir.resources("Observation").search(patient__identifier=f"{SYSTEM}|99-{MARK}-9").include("Observation", "patient").fetch_raw()
    assert sorted(e["resource"]["resourceType"] for e in found["entry"]) == ["Observation", "Patient"], found
    PASSED.append("transaction, chain and include")
    assert fhir.resource("Patient", gender="female").is_valid()
    assert not fhir.resource("Patient", gender="purple").is_valid()
    PASSED.append("$validate")


def main():
    fhir = client()
    try:
        for part in (people, searching, together):
            part(fhir)
    except Exception as error:
        print(f"fhirpy: FAILED after \"{PASSED[-1] if PASSED else 'nothing'}\" ({len(PASSED)} steps passed): {type(error).__name__} {error}")
        raise
    print(f"fhirpy: {len(PASSED)} steps passed")


if __name__ == "__main__":
    main()
