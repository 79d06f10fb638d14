"""The REST API: connexion routes by the OpenAPI document, the other services do the work over gRPC."""

import warnings

# connexion imports starlette's test client, which warns at every start; not ours to mend.
warnings.filterwarnings("ignore", message=".*starlette.testclient.*")
