"""Which pages from elsewhere may call the API from a browser."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from services.gateway import problems
from services.gateway.problems import Problem


class Cors(CORSMiddleware):
    """starlette's, whose refusals are problems like all others."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code >= 400:
            response.body = problems.body(Problem(response.status_code, bytes(response.body).decode()))
            response.headers["Content-Type"] = problems.MEDIA_TYPE
            response.headers["Content-Length"] = str(len(response.body))
        return response
