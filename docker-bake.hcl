# The images that Cloud Build builds in parallel; shared stages are built once.
# To see the resulting targets: docker buildx bake --file docker-bake.hcl --print

variable "REGISTRY" {
  default = "seen"
}

variable "COMMIT" {
  default = "dev"
}

target "default" {
  name = image
  matrix = {
    image = [
      "gateway", "library", "account", "book", "imdb", "anime", "spark-connector",
      # For tests only; never deployed together with the services.
      "local-auth0", "test", "locust",
    ]
  }
  target = contains(["test", "locust"], image) ? image : "service"
  args = {
    SERVICE  = image
    REVISION = COMMIT
  }
  tags = ["${REGISTRY}/${image}:${COMMIT}"]
  # mode=max caches all stages: a service's dependencies are in a stage that its image only copies from.
  cache-from = ["type=registry,ref=${REGISTRY}/${image}:cache"]
  cache-to   = ["type=registry,ref=${REGISTRY}/${image}:cache,mode=max"]
}
