from tests.support import properties

assert properties
