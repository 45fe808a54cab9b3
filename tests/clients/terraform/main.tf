# What teams describe beside and instead of `infra`, in one configuration: `scripts/terraform` creates it in a local cloud, expects
# that a second plan finds nothing to do, changes it, and destroys it. Region, credentials and endpoint come from the environment.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  default_tags { tags = { env = "test" } }
}

# Given anew for the change: whatever can be changed in place depends on it.
variable "changed" {
  type    = bool
  default = false
}

variable "code" {
  type        = string
  description = "The zip file of the functions, with a program named bootstrap"
}

data "aws_caller_identity" "me" {}
data "aws_region" "here" {}
data "aws_availability_zones" "open" { state = "available" }

locals {
  region = data.aws_region.here.name
  zones  = slice(data.aws_availability_zones.open.names, 0, 2)
}
