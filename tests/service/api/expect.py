"""What every error answer has to be."""


def problem(response, status, *words):
    """Check that an answer is a well-formed problem without a trace, and give its body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "request_id", "errors"}
    assert body["status"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    assert ".py" not in response.text
    for word in words:
        assert word in body["detail"]
    return body
