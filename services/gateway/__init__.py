"""The REST API in front of the gRPC services, described by an OpenAPI document."""

import warnings

# connexion imports Starlette's test client, which warns at every start.
warnings.filterwarnings("ignore", message=".*starlette.testclient.*")
