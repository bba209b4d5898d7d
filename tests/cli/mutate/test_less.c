/* SPDX-License-Identifier: MIT */
/* What is_less says of equal numbers is not tested: the hole. */
int is_less(int a, int b);
int count_to(int n);

int main(void)
{
	if (!is_less(1, 2) || is_less(2, 1) || is_less(9, -9))
		return 1;
	return count_to(5) == 5 && count_to(0) == 0 ? 0 : 1;
}
