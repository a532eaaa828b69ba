#pragma once
int nk_placeholder(void);
