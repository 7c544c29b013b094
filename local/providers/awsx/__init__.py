"""The awsx stand-in: `awsx:ec2:Vpc` alone, for the local cloud.

It is test equipment. A real stack takes the awsx plugin that Pulumi publishes.
"""
