# The images that Cloud Build makes, all at once; what several of them share is made once.
# docker buildx bake --file docker-bake.hcl --print shows what comes of it.

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
      # For the tests, here and in a cluster; never deployed with the others.
      "local-auth0", "test", "locust",
    ]
  }
  target = contains(["test", "locust"], image) ? image : "service"
  args = {
    SERVICE  = image
    REVISION = COMMIT
  }
  tags = ["${REGISTRY}/${image}:${COMMIT}"]
  # All stages are kept (mode=max): the dependencies of a service are a stage that its image is only copied from.
  cache-from = ["type=registry,ref=${REGISTRY}/${image}:cache"]
  cache-to   = ["type=registry,ref=${REGISTRY}/${image}:cache,mode=max"]
}
