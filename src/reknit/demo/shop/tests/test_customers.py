import pytest

from shop.customers import Customer, salutation, same_person


def customer(name, nickname=None, email="someone@example.org"):
    return Customer(name, email, nickname)


@pytest.mark.parametrize(
    ("nickname", "letter"),
    [
        ("Countess", "Dear Countess,"),
        (" Bob ", "Dear Bob,"),
        ("", "Dear Ada Lovelace,"),
        ("  ", "Dear Ada Lovelace,"),
    ],
)
def test_salutation(nickname, letter):
    assert salutation(customer("Ada Lovelace", nickname)) == letter


def test_not_everybody_has_a_nickname():
    assert salutation(customer("Ada Lovelace")) == "Dear Ada Lovelace,"
    assert salutation(customer("Alan Turing")) == "Dear Alan Turing,"


def test_same_person():
    assert same_person(customer("Ada", email="ADA@example.org"), customer("Ada L.", email=" ada@example.org"))
    assert not same_person(customer("Ada", email="ada@example.org"), customer("Ada", email="ada@example.com"))
